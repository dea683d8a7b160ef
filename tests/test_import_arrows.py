"""The arrows of the architecture: who may import whom, and what must stay light.

`cli -> tasks, runs, render -> metrics, stats, labelers, data`; the harness knows no model; torch is imported at module
level only where networks are made.
"""

import ast
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("rrgbench", "dcrrg", "baselines")


@dataclass(frozen=True)
class Import:
    """One import: the importing module, the imported one, and whether it runs when the module is imported."""

    source: str
    target: str
    line: int
    at_import: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def imports_of(path: Path) -> list[Import]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    source = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return parse(path.read_text(encoding="utf-8"), source, package=path.name == "__init__.py")


def parse(text: str, source: str, *, package: bool = False) -> list[Import]:
    """All imports of a module's text; those inside functions or `if TYPE_CHECKING` don't run at import."""
    found: list[Import] = []

    def visit(node: ast.AST, at_import: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(source, alias.name, node.lineno, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = source.split(".")
            if node.level:
                base = base[: len(base) - node.level + package]
                module = ".".join([*base, *([node.module] if node.module else [])])
            else:
                module = node.module or ""
            # `from a import b` may mean the module a.b
            found.extend(Import(source, f"{module}.{alias.name}", node.lineno, at_import) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                visit(child, False)
            for child in node.orelse:
                visit(child, at_import)
            return
        inside = at_import and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(text), True)
    return found


ALL = [found for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) for found in imports_of(path)]


def within(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def offending(sources: tuple[str, ...], targets: tuple[str, ...], *, but: tuple[str, ...] = ()) -> list[str]:
    """Imports of the targets by the sources, without the rooms named in `but`."""
    return [
        str(found)
        for found in ALL
        if within(found.source, *sources) and not within(found.source, *but) and within(found.target, *targets)
    ]


MODULES = {found.source for found in ALL}


def loaded_by(module: str) -> set[str]:
    """Everything that importing a module loads: its imports at import time, theirs, and the packages around them."""
    loaded: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in loaded:
            continue
        loaded.add(name)
        parent = name.rpartition(".")[0]
        if parent:
            waiting.append(parent)
        if name in MODULES:
            waiting += [found.target for found in ALL if found.source == name and found.at_import]
    return loaded


def rooms(*names: str) -> tuple[str, ...]:
    return tuple(f"rrgbench.{name}" for name in names)


LAYERS = (
    rooms(
        "answer_numbers",
        "errors",
        "observations",
        "checkpoints",
        "files",
        "main_guard",
        "json_text",
        "text_lists",
        "checked_values",
        "orphans",
        "endpoint",
        "progress",
        "registry",
        "own_code",
        "described",
        "terminal_text",
        "yaml_text",
    )
    # tables and their writing know nothing of what they show
    + rooms("render.escaping", "render.table", "render.html"),
    rooms("data", "metrics", "stats", "runs", "models", "own_models"),
    rooms("render", "labelers", "findings", "judges", "modeling"),
    rooms("scoring", "training", "adapters"),
    rooms("tasks"),
    rooms("explain", "claims", "trials", "reproduction", "leaderboard"),
    rooms("cli", "__main__", "pytest_plugin"),
)
"""Rooms from the ground up: a room imports its own layer and those below it."""


def layer(module: str) -> int | None:
    return next((height for height, names in enumerate(LAYERS) if within(module, *names)), None)


def test_arrows_point_down() -> None:
    upward = [
        str(one)
        for one in ALL
        if (source := layer(one.source)) is not None and (target := layer(one.target)) is not None and target > source
    ]
    assert upward == []


def test_every_module_of_the_harness_has_a_layer() -> None:
    modules = {found.source for found in ALL if within(found.source, "rrgbench") and found.source != "rrgbench"}
    assert sorted(name for name in modules if layer(name) is None) == []


FORBIDDEN = {
    "the harness knows no model": (("rrgbench",), ("dcrrg", "baselines")),
    "metrics touch no data, models, runs": (rooms("metrics"), rooms("data", "models", "runs", "stats")),
    "stats know only numbers": (rooms("stats"), rooms("data", "models", "runs", "metrics")),
    "data know no metrics or runs": (rooms("data"), rooms("metrics", "runs", "stats", "models")),
    "runs know no data": (rooms("runs"), rooms("data", "models")),
    "labelers know no networks": (rooms("labelers"), rooms("modeling", "render")),
    "tasks print nothing": (rooms("tasks"), ("rich", "typer")),
    "adapters know no scores": (rooms("adapters"), rooms("metrics", "runs", "labelers", "render", "training")),
    "models know no tasks": (("dcrrg", "baselines"), rooms("tasks", "runs", "scoring")),
}


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_arrows_point_one_way(rule: str) -> None:
    assert offending(*FORBIDDEN[rule]) == []


def test_adapters_are_found_by_entry_point_only() -> None:
    assert offending(PACKAGES, rooms("adapters"), but=rooms("adapters")) == []


def test_models_show_nothing_but_their_card() -> None:
    assert offending(("dcrrg", "baselines"), rooms("render"), but=("dcrrg.card",)) == []


NEURAL = ("torch", "torchvision", "transformers", "accelerate", "safetensors.torch", "timm")
MAY_BE_NEURAL = (
    "rrgbench.modeling",
    "rrgbench.training",
    "dcrrg",
    "baselines",
    "rrgbench.labelers.chexbert",
    "rrgbench.adapters.hugging_face",
)


def test_only_the_command_line_knows_typer() -> None:
    assert offending(PACKAGES, ("typer",), but=("rrgbench.cli",)) == []


def test_torch_is_imported_at_module_level_only_where_networks_are_made() -> None:
    wrong = [str(found) for found in ALL if found.at_import and within(found.target, *NEURAL)]
    assert [line for line in wrong if not within(line.partition(":")[0], *MAY_BE_NEURAL)] == []


def test_no_module_elsewhere_loads_torch_through_another() -> None:
    elsewhere = sorted(name for name in MODULES if not within(name, *MAY_BE_NEURAL))
    through = {name: sorted(m for m in loaded_by(name) if within(m, *NEURAL)) for name in elsewhere}
    assert {name: found[:2] for name, found in through.items() if found} == {}


def test_metrics_do_no_input_or_output() -> None:
    # METEOR's word lists are data of another package, which its own room reads once
    inout = ("pathlib", "os", "io", "json", "csv", "subprocess", "socket", "urllib", "requests")
    assert offending(("rrgbench.metrics",), inout, but=("rrgbench.metrics.meteor",)) == []


def test_no_module_imports_at_run_time_from_the_tests() -> None:
    # the fixture that others' tests use is loaded by pytest alone
    assert offending(PACKAGES, ("tests", "pytest", "hypothesis"), but=("rrgbench.pytest_plugin",)) == []


def test_the_graph_was_really_read() -> None:
    assert any(found.source == "rrgbench.runs.store" and found.target.startswith("rrgbench.errors") for found in ALL)
    assert any(found.source == "rrgbench.cli.drift" and not found.at_import for found in ALL)
    assert "torch" in loaded_by("rrgbench.modeling.beam_search")
    assert "rrgbench.runs" in loaded_by("rrgbench.runs.store")


def test_the_reader_of_imports_tells_when_they_run() -> None:
    text = (
        "import a\nfrom . import b\nfrom ..c import d\nclass K:\n    import e\n"
        "def f():\n    import g\n    class L:\n        import h\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import i\nelse:\n    import j\n"
        "try:\n    import k\nexcept ImportError:\n    import l\n"
    )
    found = {one.target: one.at_import for one in parse(text, "x.y.z")}
    assert found == {
        "a": True,
        "x.y.b": True,
        "x.c.d": True,
        "e": True,
        "g": False,
        "h": False,
        "typing.TYPE_CHECKING": True,
        "i": False,
        "j": True,
        "k": True,
        "l": True,
    }
    (relative,) = parse("from .m import n", "x.y", package=True)
    assert relative.target == "x.y.m.n"


LOADED = "import sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}} & {heavy!r}))"
HEAVY = {"torch", "pandas", "transformers", "sklearn", "scipy", "torchvision", "matplotlib"}


def heavy_after(code: str, *arguments: str) -> str:
    check = LOADED.format(heavy=HEAVY)
    program = f"import atexit\n@atexit.register\ndef _():\n    {check}\n{code}"
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip().splitlines()[-1] if result.stdout.strip() else ""


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_after("import rrgbench") == ""


@pytest.mark.parametrize("arguments", [("--help",), ("eval", "--help"), ("drift", "--help"), ("score", "--help")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    if importlib.util.find_spec("rrgbench.cli.main") is None:
        pytest.skip("the command line is not there yet")
    output = heavy_after("from rrgbench.cli.main import run\nrun()", *arguments)
    assert not set(output.split()) & HEAVY, output


def test_the_check_for_heavy_modules_sees_them() -> None:
    assert heavy_after("import scipy") == "scipy"
