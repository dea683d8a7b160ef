"""YAML refuses keys that stand twice, for every file that is read."""

import ast
from pathlib import Path

import pytest
import yaml

from rrgbench.yaml_text import read_yaml

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: 1\na: 2", "a"),
        ("a: {b: 1, c: 2, b: 3}", "b"),
        ("- {1: x, 1: y}", "1"),
        ("{1: x, 1.0: y}", "1.0"),
        ("base: &b {x: 1, x: 2}\nmore: {<<: *b}", "x"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_line(text: str, key: str) -> None:
    with pytest.raises(yaml.YAMLError, match=f"{key} stands twice") as error:
        read_yaml(text)
    assert "line" in str(error.value)


def test_what_is_merged_may_be_overridden() -> None:
    text = "base: &b {x: 1, y: 1}\nfirst: &f {<<: *b, x: 2}\nagain: *f"
    assert read_yaml(text) == {"base": {"x": 1, "y": 1}, "first": {"x": 2, "y": 1}, "again": {"x": 2, "y": 1}}


@pytest.mark.parametrize("text", ["a: " + "9" * 5000, "a: 2020-13-45", "[" * 5000, "a: !!python/object:os.system {}"])
def test_values_that_there_are_not_are_no_yaml(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)


def test_no_module_reads_yaml_otherwise() -> None:
    names = ("load", "safe_load", "full_load", "unsafe_load", "load_all", "safe_load_all")
    readers = {f"yaml.{name}" for name in names}
    found = [
        path.name
        for package in ("rrgbench", "dcrrg", "baselines")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in readers
    ]
    assert found == ["yaml_text.py"]
