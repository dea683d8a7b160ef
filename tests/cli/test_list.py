"""`rrgbench list`: what it prints is what the other commands take."""

import json
import sys

import pytest
from typer.testing import CliRunner

from rrgbench.checkpoints import shipped
from rrgbench.cli.list import models
from rrgbench.cli.main import app
from rrgbench.data.loading import CORPORA
from rrgbench.errors import UnknownNameError
from rrgbench.metrics.catalogue import NATIVE, OWN_METRICS
from rrgbench.metrics.external.loading import plug_in_metrics
from rrgbench.models import MODELS
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.score import metric_keys
from rrgbench.tasks.suite import suite_names
from rrgbench.training.trainers import TRAINERS, load_trainer


def listed(*arguments):
    done = CliRunner().invoke(app, ["list", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("what", ["models", "corpora", "suites", "metrics", "protocols", "tasks", "labelers"])
def test_lines_and_json_name_the_same(what):
    names = [line.split()[0] for line in listed(what).splitlines()]
    if what == "protocols":
        names = [name.partition("@")[0] for name in names]
    assert names == json.loads(listed(what, "--json"))
    assert len(names) == len(set(names)) > 2


def test_corpora_and_suites_are_those_of_the_registry():
    assert [line.split()[0] for line in listed("corpora").splitlines()] == CORPORA.names()
    assert [line.split()[0] for line in listed("suites").splitlines()] == suite_names()


@pytest.mark.parametrize("what", ["models", "corpora", "suites", "tasks", "labelers"])
def test_each_name_has_words_of_its_own(what):
    words = [line.partition(" ")[2].strip() for line in listed(what).splitlines()]
    assert all(len(about.split()) > 2 for about in words)
    assert len(set(words)) == len(words)


def test_models_say_whether_weights_ship():
    lines = {line.split()[0]: line for line in listed("models").splitlines()}
    for name, line in lines.items():
        assert ("weights ship:" in line) == bool(shipped(name))
        assert ("no weights ship" in line) == (name in TRAINERS and not shipped(name))
    assert "6d (loaded by default)" in lines["dcrrg"]


def test_a_terminal_gets_lines_that_fit_it(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    models()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > len(MODELS.names())
    monkeypatch.setenv("COLUMNS", "30")
    models()
    assert len(capsys.readouterr().out.splitlines()) == len(MODELS.names())


def test_models_that_are_called_trainable_have_a_trainer_and_others_have_none():
    lines = listed("models").splitlines()
    assert [line.split()[0] for line in lines] == MODELS.names()
    for line in lines:
        name = line.split()[0]
        if "; trainable;" in line:
            load_trainer(name)
        else:
            with pytest.raises(UnknownNameError, match="trainable model"):
                load_trainer(name)


def test_metrics_and_their_groups_are_taken_by_score():
    plug_ins = plug_in_metrics()
    lines = {line.split()[0]: line for line in listed("metrics").splitlines()}
    assert list(lines) == [*NATIVE, *plug_ins]
    for name, line in lines.items():
        if name in plug_ins:
            assert plug_ins[name].package in line or plug_ins[name].get in line
            assert all(one.about in line for one in plug_ins[name].entries)
            continue
        assert NATIVE[name].about in line
        if name not in OWN_METRICS:
            assert line.endswith(f"suites only: {NATIVE[name].group}")
            continue
        assert metric_keys([name]) == [name]
        for group in line.partition("; group ")[2].split(", "):
            assert name in metric_keys([group])
    assert "CIDEr, 0 to 10, higher is better; group nlg" in lines["cider"]
    assert "RadCliQ" in lines["radcliq"]
    assert "lower is better" in lines["radcliq"]


def test_protocols_are_listed_with_the_versions_they_load_by():
    for line in listed("protocols").splitlines():
        assert load_protocol(line.split()[0].partition("@")[0]).identity == line.split()[0]
