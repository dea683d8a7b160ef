"""No function takes more than eight parameters."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST = 8
GENERATED = "rrgbench/cli/"
"""Where a function's parameters are a command's options."""

CONFIGURATIONS = {"DCLConfig", "DcrrgConfig", "ImageTextConfig"}
"""Hugging Face reads a configuration's settings from its parameters, each a key of `config.json`."""


def too_long(text: str) -> list[tuple[str, int]]:
    """Functions, with their class, that take too many parameters, beside self; how many they take."""
    found = []

    def visit(node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                names = [one.arg for one in (*child.args.posonlyargs, *child.args.args, *child.args.kwonlyargs)]
                count = len([name for name in names if name not in ("self", "cls")])
                if count > MOST:
                    found.append((f"{inside}{getattr(child, 'name', 'lambda')}", count))
            visit(child, f"{child.name}." if isinstance(child, ast.ClassDef) else inside)

    visit(ast.parse(text), "")
    return found


@pytest.mark.parametrize("package", ["rrgbench", "dcrrg", "baselines"])
def test_parameters_are_eight_at_most(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name} takes {count}"
        for path in sorted((ROOT / package).rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(GENERATED)
        for name, count in too_long(path.read_text(encoding="utf-8"))
        if name not in {f"{one}.__init__" for one in CONFIGURATIONS}
    ]
    assert found == []


def test_parameters_are_counted() -> None:
    nine = "a, b, c, d, e, f, g, h, i"
    assert too_long(f"def f({nine[:-3]}): ...") == []
    assert too_long(f"def f({nine}): ...") == [("f", 9)]
    assert too_long(f"class C:\n    async def f(self, {nine[:-3]}, *, i=1): ...") == [("C.f", 9)]
    assert too_long(f"class C:\n    def f(self, {nine[:-3]}, *more, **others): ...") == []
    assert too_long(f"f = lambda {nine}: 0") == [("lambda", 9)]
    assert len(too_long(f"def f({nine}):\n    def g({nine}): ...")) == 2
