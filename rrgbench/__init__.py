"""The benchmark toolkit of chest X-ray report generation.

>>> import rrgbench
>>> scores = rrgbench.score(["heart is normal ."], ["heart is large ."], metrics=["bleu_1"], intervals=False)
>>> round(scores["bleu_1"].value, 3)
0.667
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rrgbench import labelers
    from rrgbench.data.loading import load_corpus
    from rrgbench.metrics.external.loading import load_metric
    from rrgbench.models import load_model
    from rrgbench.scoring.compare import compare
    from rrgbench.scoring.reward import reward
    from rrgbench.scoring.score import score
    from rrgbench.tasks.runner import evaluate

try:
    __version__ = version("rrgbench")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "source"

_PLACES = {
    "compare": "rrgbench.scoring.compare",
    "score": "rrgbench.scoring.score",
    "evaluate": "rrgbench.tasks.runner",
    "load_corpus": "rrgbench.data.loading",
    "load_metric": "rrgbench.metrics.external.loading",
    "load_model": "rrgbench.models",
    "reward": "rrgbench.scoring.reward",
}

__all__ = [
    "__version__",
    "compare",
    "evaluate",
    "labelers",
    "load_corpus",
    "load_metric",
    "load_model",
    "reward",
    "score",
]


def __getattr__(name: str) -> Any:
    """Import what is public when first used, so that `import rrgbench` stays light."""
    if name == "labelers":
        return import_module("rrgbench.labelers")
    if name not in _PLACES:
        from rrgbench.errors import meant

        raise AttributeError(f"module 'rrgbench' has no attribute {name!r}; {meant(name, __all__)}", name=name)
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """What is public."""
    return sorted(__all__)
