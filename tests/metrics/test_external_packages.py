"""The plug-ins that ship with us: absent packages, and what we do around RadEval's classes.

Stand-ins with RadEval's real signatures check our part; `test_external_radeval.py` runs the real package on random
weights where it is installed.
"""

import json
import sys
import types
from importlib.metadata import PackageNotFoundError
from itertools import pairwise

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from rrgbench.cli import list as list_command
from rrgbench.cli.doctor import doctor as doctor_command
from rrgbench.errors import InputError, MissingPartError
from rrgbench.metrics.catalogue import entry
from rrgbench.metrics.external import packages as external_packages
from rrgbench.metrics.external import plug_in as external
from rrgbench.metrics.external.loading import load_metric, plug_in_metrics
from rrgbench.scoring.score import score

REFERENCES = {
    "a": "The heart is normal . No effusion .",
    "b": "There is a left effusion .",
    "c": "Lungs are clear .",
    "d": "No pneumothorax .",
}
HYPOTHESES = {
    "a": "The heart is large . No effusion .",
    "b": "No effusion .",
    "c": "Lungs are clear .",
    "d": "The heart is normal .",
}
OURS = (
    "bertscore",
    "crimson_medgemma",
    "green",
    "radcliq",
    "radgraph_f1",
    "ratescore",
    "srr_bert",
    "temporal_f1",
)


# Absent packages


@pytest.fixture
def nothing_installed(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(external, "version", absent)


@pytest.mark.parametrize("name", OURS)
def test_an_absent_package_is_an_error_that_says_how_to_get_it(nothing_installed, name) -> None:
    with pytest.raises(MissingPartError) as caught:
        score(REFERENCES, HYPOTHESES, metrics=["bleu", name])
    message = str(caught.value)
    extra = {"bertscore": name, "ratescore": name, "crimson_medgemma": "crimson"}.get(name, "radeval")
    assert f"pip install 'rrgbench[{extra}]'" in message
    assert "; weights: " in message
    assert "\n" not in message
    assert caught.value.exit_code == 3


def test_list_and_doctor_show_what_is_there_and_how_to_get_the_rest(nothing_installed) -> None:
    listed = CliRunner().invoke(list_command.app, ["metrics"]).stdout.splitlines()
    lines = {line.split()[0]: line for line in listed if line}
    assert [name for name in lines if name in OURS] == list(OURS)
    assert "not installed: pip install 'rrgbench[radeval]'; weights: " in lines["radgraph_f1"]
    names = json.loads(CliRunner().invoke(list_command.app, ["metrics", "--json"]).stdout)
    assert [name for name in names if name in OURS] == list(OURS)
    app = typer.Typer()
    app.command()(doctor_command)
    rows = {row["part"]: row for row in json.loads(CliRunner().invoke(app, ["--json"]).stdout)}
    assert rows["metric green"]["found"] == ""
    assert rows["metric green"]["get"] == "pip install 'rrgbench[radeval]'"


def test_the_default_metrics_are_our_own(nothing_installed) -> None:
    assert "bertscore" not in score(REFERENCES, HYPOTHESES, intervals=False)


@pytest.fixture
def radeval(monkeypatch):
    """Puts modules of RadEval's names in place; the test fills them."""
    monkeypatch.setattr(external, "version", lambda name: "2.2.1")

    def put(path, **content):
        names = path.split(".")
        for length in range(1, len(names) + 1):
            name = ".".join(names[:length])
            if name not in sys.modules or not hasattr(sys.modules[name], "stand_in"):
                module = types.ModuleType(name)
                module.stand_in = True
                monkeypatch.setitem(sys.modules, name, module)
        for key, value in content.items():
            setattr(sys.modules[path], key, value)

    monkeypatch.setitem(sys.modules, "RadEval", types.ModuleType("RadEval"))
    return put


def test_radgraph_gives_its_three_levels_and_skips_blank_reports(radeval) -> None:
    calls = []

    class F1RadGraph:
        def __init__(self, reward_level, model_type=None, **options):
            calls.append((reward_level, model_type, options))

        def __call__(self, refs, hyps):
            calls.append((refs, hyps))
            simple = [0.5, 0.8, 1.0][: len(hyps)]
            by_level = (simple, [x / 2 for x in simple], [x / 4 for x in simple])
            return tuple(np.mean(level) for level in by_level), by_level, [], []

    radeval("radeval.metrics.radgraph", F1RadGraph=F1RadGraph)
    references = {key: [text, "second"] for key, text in REFERENCES.items()}
    hypotheses = {**HYPOTHESES, "b": " "}
    metric = load_metric("radgraph_f1", folder="nowhere")
    found = score(references, hypotheses, metrics=[metric], protocol="raw", intervals=False, allow=["empty"])
    assert list(found) == ["radgraph_f1_simple", "radgraph_f1_partial", "radgraph_f1_complete"]
    assert found.per_study["radgraph_f1_partial"].tolist() == [0.25, 0.0, 0.4, 0.5]
    assert found["radgraph_f1_simple"].value == pytest.approx((0.5 + 0.8 + 1.0) / 4)
    assert calls[0] == ("all", "radgraph-xl", {"model_cache_dir": "nowhere"})
    assert calls[1] == ([REFERENCES[key] for key in "acd"], [HYPOTHESES[key] for key in "acd"])
    assert "radeval@2.2.1(model=nowhere/radgraph-xl)" in str(found["radgraph_f1_simple"].signature)


def test_ratescore_that_drops_a_report_is_refused(radeval) -> None:
    class RaTEScore:
        def __init__(
            self, bert_model, eval_model, batch_size=1, use_gpu=None, visualization_path=None, affinity_matrix=""
        ):
            assert affinity_matrix == "short"

        def compute_score(self, candidate_list, reference_list, on_sample_done=None):
            kept = [0.75 for text in candidate_list if len(text) > 2]
            return kept, [], []

    radeval("radeval.metrics.RaTEScore", RaTEScore=RaTEScore)
    metric = load_metric("ratescore", affinity="short")
    found = score(REFERENCES, {**HYPOTHESES, "a": ""}, metrics=[metric], allow=["empty"], intervals=False)
    assert found.per_study["ratescore"].tolist() == [0.5, 0.75, 0.75, 0.75]
    with pytest.raises(InputError, match="gave 3 scores for 4 studies"):
        score(REFERENCES, {**HYPOTHESES, "a": "ok"}, metrics=[metric], intervals=False)
    with pytest.raises(InputError, match="affinity is 'wide'"):
        load_metric("ratescore", affinity="wide")


def test_radcliq_is_the_mean_and_its_word_frequencies_are_never_stale(radeval) -> None:
    seen = []

    class CompositeMetric:
        def predict(self, refs, hyps):
            seen.append(id(refs))
            scores = np.array([float(len(text)) for text in hyps])
            return 1 / scores.mean(), scores

    radeval("radeval.metrics.RadCliQv1.radcliq", CompositeMetric=CompositeMetric)
    metric = load_metric("radcliq")
    for _ in range(20):
        values = metric.statistics([["x"]] * 4, list(HYPOTHESES.values()))
    assert values[:, 0].tolist() == [len(text) for text in HYPOTHESES.values()]
    # Equal addresses of successive lists would make the package reuse the earlier list's frequencies.
    assert all(first != second for first, second in pairwise(seen))
    assert entry("radcliq").better == "lower"
    assert metric.identity == "radeval@2.2.1(variant=v1)"


def test_an_answer_of_green_that_cannot_be_read_is_named(radeval) -> None:
    class GREEN:
        def __init__(self, model_name=None, output_dir=".", cpu=False, num_gpus=None):
            self.answers = [0.5, None, 1.0, 0] if model_name == "judge" else [0.5, 0.25, 1.0, 0]

        def __call__(self, refs, hyps, on_sample_done=None):
            return 0.0, 0.0, self.answers, None

    radeval("radeval.metrics.green_score.green", GREEN=GREEN)
    assert score(REFERENCES, HYPOTHESES, metrics=["green"], intervals=False)["green"].value == pytest.approx(0.4375)
    with pytest.raises(InputError, match="metric green gave no number for 1 studies: b"):
        score(REFERENCES, HYPOTHESES, metrics=[load_metric("green", model="judge")])


def test_srr_bert_gives_each_studys_findings(radeval, monkeypatch) -> None:
    looked = []

    class Data:
        def find(self, what):
            looked.append(what)
            raise LookupError

    nltk = types.ModuleType("nltk")
    nltk.data, nltk.download = Data(), lambda what, quiet: looked.append((what, quiet))
    monkeypatch.setitem(sys.modules, "nltk", nltk)

    class SRRBert:
        MODEL_CONFIGS = {"leaves": {}, "leaves_with_statuses": {}}  # noqa: RUF012

        def __init__(self, model_type="leaves", batch_size=4, tqdm_enable=False):
            self.model_type = model_type

        def evaluate(self, refs, hyps, on_sample_done=None):
            assert refs == list(REFERENCES.values())
            f1 = np.array([0.5, 0.0, 1.0, 0.25])
            # the package's own average is over findings, and not used
            return {"weighted avg": {"f1-score": 0.99}}, f1 / 2, f1 / 4, f1

    radeval("radeval.metrics.SRRBert.srr_bert", SRRBert=SRRBert)
    references = {key: [text, "second"] for key, text in REFERENCES.items()}
    found = score(references, HYPOTHESES, metrics=["srr_bert"], protocol="raw", intervals=False)
    assert found.per_study["srr_bert_f1"].tolist() == [0.5, 0.0, 1.0, 0.25]
    assert found.per_study["srr_bert_recall"].tolist() == [0.125, 0.0, 0.25, 0.0625]
    assert found["srr_bert_precision"].value == pytest.approx(0.21875)
    assert "srr_bert:radeval@2.2.1(model=leaves_with_statuses)" in str(found["srr_bert_f1"].signature)
    assert looked == ["tokenizers/punkt_tab", ("punkt_tab", True)]
    with pytest.raises(InputError, match="model is 'stems'; expected one of leaves, leaves_with_statuses"):
        load_metric("srr_bert", model="stems")


def test_temporal_f1_counts_the_words_of_all_references(radeval) -> None:
    def temporal(predictions, references, epsilon=1e-10, on_sample_done=None):
        assert references[0] == [REFERENCES["a"], "second"]
        return {"f1": 0.9, "sample_scores": [1.0, 1e-10, 0.5, 1.0]}

    radeval("radeval.metrics.f1temporal.f1temporal", F1Temporal=temporal)
    references = {key: [text, "second"] for key, text in REFERENCES.items()}
    found = score(references, HYPOTHESES, metrics=["temporal_f1"], protocol="raw", intervals=False)
    assert found.per_study["temporal_f1"].tolist() == [1.0, 1e-10, 0.5, 1.0]
    assert found["temporal_f1"].value == pytest.approx(0.625)
    assert "temporal_f1:radeval@2.2.1" in str(found["temporal_f1"].signature)


def test_crimson_of_the_authors_names_what_it_could_not_read(radeval) -> None:
    class CRIMSONScore:
        def __init__(self, api="hf", model_name=None, device=None):
            assert api == "vllm"
            self.scores = [0.5, None, -0.5, 1.0] if model_name == "judge" else [0.5, 0.25, -0.5, 1.0]

        def evaluate_batch(self, references, reports, patient_contexts=None, include_guidelines=True, batch_size=1):
            assert batch_size == 3
            return [None if one is None else {"crimson_score": one, "error_counts": {}} for one in self.scores]

    radeval("CRIMSON", CRIMSONScore=CRIMSONScore)
    options = {"backend": "vllm", "batch_size": "3"}
    found = score(REFERENCES, HYPOTHESES, metrics=[load_metric("crimson_medgemma", **options)], intervals=False)
    assert found.per_study["crimson_medgemma"].tolist() == [0.5, 0.25, -0.5, 1.0]
    expected = "crimson-score@2.2.1(model=rajpurkarlab/medgemma-4b-it-crimson,backend=vllm)"
    assert expected in str(found["crimson_medgemma"].signature)
    with pytest.raises(InputError, match="metric crimson_medgemma gave no number for 1 studies: b"):
        score(REFERENCES, HYPOTHESES, metrics=[load_metric("crimson_medgemma", model="judge", **options)])
    for wrong in ({"backend": "openai"}, {"batch_size": "0"}):
        with pytest.raises(InputError, match="crimson_medgemma's option"):
            load_metric("crimson_medgemma", **wrong)


def test_a_package_that_fails_on_import_is_told_in_one_line(radeval) -> None:
    radeval("radeval.metrics.green_score.green")
    with pytest.raises(
        MissingPartError, match=r"metric green can't be loaded by radeval@2.2.1 \(ImportError: .*\); weights"
    ):
        load_metric("green")


def test_every_plug_in_says_what_it_is() -> None:
    points = plug_in_metrics()
    assert set(OURS) <= set(points)
    for name in OURS:
        assert points[name].entries
        assert points[name].weights
        assert points[name].get.startswith("pip install 'rrgbench[")
    assert points["bertscore"] is external_packages.BERTSCORE
