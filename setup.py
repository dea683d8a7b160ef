"""The compiled part, which is optional: where no compiler is, the same is computed in NumPy, only slower.

All else stands in pyproject.toml.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "rrgbench.metrics.meteor._beam",
            ["rrgbench/metrics/meteor/_beam.c"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
