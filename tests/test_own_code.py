"""Models out of Python files of one's own: `FILE.py:NAME`."""

import subprocess
import sys

import numpy as np
import pytest
from joblib.externals.loky.backend.reduction import dumps

from rrgbench.data.phantom import load as phantom
from rrgbench.errors import InputError
from rrgbench.metrics.external.loading import load_metric
from rrgbench.models import MODELS, load_model, load_models, split_checkpoint
from rrgbench.own_code import own_code
from rrgbench.runs.finished import request_digest
from rrgbench.scoring.score import score
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

MINE = """
import numpy as np
from beside_mine import WORDS
from .close_by import Box


class Mine:
    image_size = 32

    def __init__(self, threshold=128):
        self.threshold, self.box = threshold, Box()

    def generate_reports(self, images):
        return [WORDS[int(one < self.threshold)] for one in np.asarray(images).mean(axis=(1, 2))]


class Named(Mine):
    name = "named"

    def __init__(self, checkpoint=None):
        super().__init__()
        self.told = checkpoint

    @property
    def identity(self):
        return "named@1"


class Fitted(Named):
    def identity_on(self, corpus):
        return "fitted@1"

    def fit(self, corpus, films=None):
        pass


class Slotted:
    __slots__ = ()

    def generate_reports(self, images):
        return []


class NoModel:
    pass


def load(threshold=1):
    return Mine(threshold)


def fails():
    raise OSError("no weights")


MODEL = Mine()
"""
MINE_LINE = 1 + MINE[: MINE.index("    raise OSError")].count("\n")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "beside_mine.py").write_text('WORDS = ["No pleural effusion .", "There is a pleural effusion ."]\n')
    (tmp_path / "close_by.py").write_text("class Box:\n    pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("beside_mine", None)


def test_a_class_is_a_model_by_its_own_name(folder) -> None:
    model = load_model("mine.py:Mine", threshold=200)
    assert (model.name, model.threshold) == ("Mine", 200)
    assert model.generate_reports(np.zeros((1, 32, 32))) == ["There is a pleural effusion ."]
    assert load_model("mine=mine.py:Mine").name == "mine"
    assert load_model(f"{folder}/mine.py:load").threshold == 1
    assert load_model("mine.py:Named").name == "named"


def test_edited_code_and_other_options_are_another_model(folder) -> None:
    def identity(name="mine.py:Mine", **options):
        return load_model(name, **options).identity

    first, named = identity(), identity("mine.py:Named")
    assert first.startswith("Mine@")
    assert named.startswith("named@1[code=")
    assert identity() == first != identity(threshold=3)
    assert load_model("mine.py:Fitted").identity_on(None).startswith("fitted@1[code=")
    (folder / "close_by.py").write_text("class Box:\n    side = 1\n")
    beside = identity()
    (folder / "mine.py").write_text(MINE.replace("=128", "=129"))
    assert len({first, beside, identity()}) == 3
    assert load_model("mine.py:Mine").threshold == 129
    assert identity("mine.py:Named") != named


def test_a_checkpoint_counts_by_what_it_holds(folder) -> None:
    (folder / "weights").mkdir()
    (folder / "weights" / "a.bin").write_text("1")
    model = load_model("mine.py:Named", "weights")
    assert (model.told, model.checkpoint) == ("weights", "weights")
    (folder / "weights" / "a.bin").write_text("2")
    assert load_model("mine.py:Named", "weights").identity != model.identity
    plain, trained = load_models(["mine.py:Named", "mine.py:Named=weights"])
    assert (plain.told, trained.told, trained.name) == (None, "weights", "named=weights")
    assert split_checkpoint("a=mine.py:Mine=b=c") == ("a=mine.py:Mine", "b=c")
    assert split_checkpoint("a=mine.py:Mine") == ("a=mine.py:Mine", None)
    assert split_checkpoint("hf:mine.py:Mine=b") == ("hf:mine.py:Mine=b", None)
    assert MODELS.own("predictions:mine.py") is None
    assert own_code("hf:org/model") is None


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("none.py:Mine", {}, "there is no file none.py"),
        ("mine.py", {}, "say which class or function of the file is meant, as mine.py:NAME"),
        ("mine.py:Mime", {}, r"mine.py holds no Mime; did you mean 'Mine'\?"),
        ("mine.py:MODEL", {}, "is of type Mine; expected a class, or a function that gives a model"),
        ("mine.py:NoModel", {}, r"is no model: it has none of generate_reports\(images\), predict_observations"),
        ("mine.py:fails", {}, rf"can't be made: OSError in line {MINE_LINE} of mine.py: no weights"),
        ("mine.py:Slotted", {}, "drop its slots"),
        ("mine.py:Mine", {"treshold": 1}, "takes no treshold; it takes: threshold"),
        ("mine.py:Mine", {"checkpoint": "a"}, "takes no checkpoint"),
        ("syntax.py:Mine", {}, "fails as it is imported: SyntaxError in line 2 of syntax.py: invalid syntax"),
        ("lacking.py:Mine", {}, "ModuleNotFoundError in line 2 of lacking.py: No module named 'not_there'"),
        ("ends.py:Mine", {}, "SystemExit in line 2 of ends.py"),
        ("double.py:Mine", {}, "double.py imports yaml.py beside it, but yaml is .*; rename the file"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(name, options, words, folder) -> None:
    (folder / "syntax.py").write_text("import sys\ndef f(:\n")
    (folder / "lacking.py").write_text("import sys\nimport not_there\n")
    (folder / "ends.py").write_text("import sys\nsys.exit(1)\n")
    (folder / "double.py").write_text("import yaml\n")
    (folder / "yaml.py").write_text("")
    with pytest.raises(InputError, match=words) as caught:
        load_model(name, **options)
    assert "\n" not in str(caught.value)


def test_another_process_finds_the_file_again_and_refuses_one_that_changed(folder) -> None:
    model = load_model("mine.py:Mine", threshold=7)
    (folder / "model.pickle").write_bytes(bytes(dumps(model)))
    script = "import pickle; m = pickle.load(open('model.pickle', 'rb')); print(m.identity, m.threshold, m.name)"
    # away from the folder, which must not be found by chance
    read = [sys.executable, "-c", f"import os, sys; sys.path.remove(''); {script}"]
    done = subprocess.run(read, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [model.identity, "7", "Mine"]
    (folder / "mine.py").write_text(MINE + "\n")
    done = subprocess.run(read, capture_output=True, text=True, timeout=120)
    assert "was changed while a command ran that uses it" in done.stderr


def test_a_finished_run_of_an_edited_file_is_not_finished(folder) -> None:
    options = {"model": ["a=mine.py:Mine"]}
    first = request_digest(options)
    assert first == request_digest(options)
    (folder / "beside_mine.py").write_text("WORDS = ['', '']\n")
    assert request_digest(options) != first


def test_a_file_is_evaluated_and_an_edited_one_needs_another_run(folder) -> None:
    corpus = phantom(train=6, validate=2, test=10, retrieval=0)
    suite = Suite(name="own", replicates=20, trivial=(), tasks={"report_generation": {}})
    assert evaluate("mine.py:Mine", corpus, suite, folder / "run").computed
    assert not evaluate("mine.py:Mine", corpus, suite, folder / "run").computed
    (folder / "mine.py").write_text(MINE.replace("=128", "=1"))
    with pytest.raises(InputError, match=r"holds a run of Mine@.*, and Mine is Mine@.* now"):
        evaluate("mine.py:Mine", corpus, suite, folder / "run")


METRIC = """
from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.external.plug_in import Loaded, PlugIn


def words(references, hypotheses):
    return [len(one.split()) for one in hypotheses]


def load(power="1"):
    return Loaded(lambda references, hypotheses: [int(power) for _ in hypotheses], {"power": power})


PLUG_IN = PlugIn((Entry("powered", "Powered", "plug-in"),), load, "numpy", "")
"""


def test_a_function_and_a_plug_in_of_a_file_are_metrics(folder) -> None:
    (folder / "metric.py").write_text(METRIC)
    found = score(["no effusion ."], ["a b c d"], metrics=["bleu_1", "metric.py:words"])
    assert found["words"].value == 4
    first = load_metric("metric.py:words").identity
    assert first.startswith("metric.py@")
    assert load_metric("metric.py:PLUG_IN", power=3).identity.endswith("(power=3)")
    (folder / "metric.py").write_text(METRIC + "\n")
    assert load_metric("metric.py:words").identity != first
    for name, words in (("metric.py:word", "did you mean 'words'"), ("no.py:words", "there is no file no.py")):
        with pytest.raises(InputError, match=words):
            score(["a"], ["a"], metrics=[name])
