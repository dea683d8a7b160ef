"""`rrgbench.evaluate` by names, and the progress that it shows."""

import sys

import pytest

import rrgbench
from rrgbench.data.loading import CORPORA
from rrgbench.errors import UnknownNameError
from rrgbench.tasks.suite import Suite

SUITE = Suite(name="few", replicates=5, trivial=(), tasks={"classification": {"settings": ["own"], "limit": 30}})


@pytest.fixture(scope="module")
def corpus():
    return rrgbench.load_corpus("phantom", train=20, validate=1, test=30, retrieval=1)


def test_names_of_model_and_corpus_are_enough(corpus, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as small:
        small.setattr(CORPORA, "load", lambda name: {"phantom": lambda root: corpus}[name])
        run = rrgbench.evaluate("fixed-template", "phantom", SUITE, tmp_path)
    assert run.records[0].corpus == corpus.identity
    assert run.value("classification", "auroc", "fixed-template", setting="own") == 0.5
    names = {path.name for path in run.folder.iterdir()}
    assert {"report.html", "tables.md", "tables.tex", "results.json", "run.json"} < names
    for model, corpus, meant in (
        ("fixed-templat", "phantom", "fixed-template"),
        ("fixed-template", "fantom", "phantom"),
    ):
        with pytest.raises(UnknownNameError, match=f"did you mean '{meant}'"):
            rrgbench.evaluate(model, corpus, SUITE)


@pytest.mark.parametrize(
    ("progress", "terminal", "expected"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_progress_is_shown_on_a_terminal_or_where_it_is_asked_for(
    progress, terminal, expected, corpus, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm")
    rrgbench.evaluate("fixed-template", corpus, SUITE, tmp_path, progress=progress)
    told = capsys.readouterr()
    assert ("own predictions" in told.err) == expected
    assert told.out == ""


def test_progress_may_be_a_function(corpus, tmp_path, capsys) -> None:
    told = []
    rrgbench.evaluate(
        "fixed-template",
        corpus,
        SUITE,
        tmp_path,
        progress=lambda what, done, total, note="": told.append((done, total)),
    )
    assert told[-1][0] == told[-1][1] > 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["limit", "tasks", "metrics"])
def test_what_is_the_suites_is_told_so(name, corpus, tmp_path) -> None:
    """The command line has them as options; from Python they are asked of the suite."""
    with pytest.raises(UnknownNameError, match=rf"no option '{name}'; it is the suite's: .*narrowed\(.*, {name}="):
        rrgbench.evaluate("fixed-template", corpus, SUITE, tmp_path, **{name: 5})
