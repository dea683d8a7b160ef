"""No file is read by a loader that could execute it: weights, arrays and YAML are read by their safe ones alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for package in ("rrgbench", "dcrrg", "baselines") for path in (ROOT / package).rglob("*.py"))

SAFE = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}
"""What a loader must be told."""

NEVER = (
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "joblib.load",
    "dill.load",
    "dill.loads",
    "marshal.load",
    "marshal.loads",
    "shelve.open",
    "yaml.unsafe_load",
    "yaml.full_load",
    "pd.read_pickle",
    "pandas.read_pickle",
    "exec",
    "eval",
)


def unsafe(source: str) -> Iterator[str]:
    """Calls that could execute what they read."""
    tree = ast.parse(source)
    loaders = {node.name: node.bases[0] for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("pickle", "dill", "marshal", "shelve"):
            yield f"from {node.module} import"
        if not isinstance(node, ast.Call):
            continue
        name, given = ast.unparse(node.func), {word.arg: word.value for word in node.keywords}
        if name in NEVER:
            yield name
        if name in SAFE:
            option, wanted = SAFE[name]
            said = given.get(option)
            if not (isinstance(said, ast.Constant) and said.value is wanted):
                yield f"{name} without {option}={wanted}"
        if name == "yaml.load":
            loader = ast.unparse(given["Loader"]) if "Loader" in given else "no loader"
            base = ast.unparse(loaders[loader]) if loader in loaders else loader
            if base.rpartition(".")[2] not in ("SafeLoader", "CSafeLoader"):
                yield f"yaml.load with {base}"


def test_no_loader_executes_what_it_reads() -> None:
    found = {str(path.relative_to(ROOT)): list(unsafe(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert len(found) > 200
    assert not {path: calls for path, calls in found.items() if calls}


@pytest.mark.parametrize(
    "line",
    [
        "pickle.loads(content)",
        "from pickle import loads",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, 'r')",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text)",
        "joblib.load(path)",
        "eval(text)",
    ],
)
def test_such_a_loader_is_found(line: str) -> None:
    assert len(list(unsafe(line))) == 1
