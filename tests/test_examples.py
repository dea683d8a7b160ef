"""The notebooks in examples/, executed as they are; they hold no outputs of their own."""

import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="notebooks need the dev extra (nbclient, ipykernel)")
nbformat = pytest.importorskip("nbformat")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOKS = {
    "score_a_file": ("CE F1", "best constant", "rrgbench:0.", r"\toprule"),
    "evaluate_your_model": ("data:image/png;base64,", "brightness on phantom: done", "best constant", "best-constant"),
    "train_a_baseline": ("model.safetensors", "P@5", "random-report"),
    "reproduce_a_printed_table": ("averaged", "under another protocol"),
}


def outputs(book) -> str:
    """Everything that the cells show, as text."""
    found = []
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            found.append(output.get("text", ""))
            found += [content for content in output.get("data", {}).values() if isinstance(content, str)]
    return "\n".join(found)


def executed(name, folder):
    """The notebook with its outputs; what commands print is among them only where the kernel knows of no test."""
    book = nbformat.read(EXAMPLES / f"{name}.ipynb", 4)
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": str(folder)}}).execute(env=environment)
    return book


def test_all_of_them_are_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.ipynb")} == set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_kept_without_outputs(name) -> None:
    book = nbformat.read(EXAMPLES / f"{name}.ipynb", 4)
    nbformat.validate(book)
    assert outputs(book) == ""
    assert {cell.get("execution_count") for cell in book.cells} == {None}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "train_a_baseline")) for name in NOTEBOOKS]
)
def test_it_runs(name, tmp_path, monkeypatch) -> None:
    # whatever was published elsewhere is not looked for here
    monkeypatch.delenv("PUBLISHED_OUTPUTS", raising=False)
    shown = outputs(executed(name, tmp_path))
    for words in NOTEBOOKS[name]:
        assert words in shown
    # no bar or cursor of a terminal has come in
    assert "\x1b[2K" not in shown


def test_published_outputs_are_reproduced_where_they_are(tmp_path, monkeypatch, shared) -> None:
    monkeypatch.setenv("PUBLISHED_OUTPUTS", str(shared / "published_outputs"))
    monkeypatch.setenv("ANNOTATION", str(shared / "iu_xray" / "annotation.json"))
    assert "CvT2DistilGPT2 reproduced\n" in outputs(executed("reproduce_a_printed_table", tmp_path))
