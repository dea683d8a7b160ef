"""Other packages' metrics: BERTScore for real on a small random encoder, and what holds for any plug-in."""

import json
from importlib.metadata import version

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import rrgbench
from rrgbench.cli.compare import compare as compare_command
from rrgbench.cli.protocols import protocols as protocols_command
from rrgbench.cli.score import score as score_command
from rrgbench.errors import InputError, MissingPartError, UnknownNameError
from rrgbench.metrics.catalogue import Entry, within_bounds
from rrgbench.metrics.external.loading import load_metric, plug_in_metrics
from rrgbench.metrics.external.plug_in import ExternalMetric, Loaded, PlugIn
from rrgbench.scoring.compare import compare
from rrgbench.scoring.score import score
from rrgbench.scoring.signature import parse

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
OURS = ("bertscore", "green", "radcliq", "radgraph_f1", "ratescore")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """Folder of a two-layer BERT with random weights and a tokenizer of the words above."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("weights") / "small-bert"
    folder.mkdir()
    words = sorted({word for text in [*REFERENCES.values(), *HYPOTHESES.values()] for word in text.lower().split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    tokenizer = BertTokenizerFast.from_pretrained(folder, model_max_length=64)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, initializer_range=0.5, **size)
    BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def bertscore(encoder):
    pytest.importorskip("bert_score", reason="bert-score is not installed: pip install 'rrgbench[bertscore]'")
    return load_metric("bertscore", model=encoder, layers="2")


def direct(encoder, references, hypotheses, layers=2, **options):
    import bert_score

    return bert_score.score(hypotheses, references, model_type=encoder, num_layers=layers, **options)[2].numpy()


def plugged(scores, keys=("lengths",), **more):
    """A metric that gives fixed numbers."""
    plug_in = PlugIn(
        tuple(Entry(key, "Lengths", "plug-in") for key in keys),
        Loaded,
        "some-package",
        "pip install some-package",
        **more,
    )
    return ExternalMetric("lengths", plug_in, lambda references, hypotheses: scores, "some-package@1")


# BERTScore for real


def test_bertscore_is_the_packages_own_for_every_study(bertscore, encoder) -> None:
    found = score(REFERENCES, HYPOTHESES, metrics=["bleu", bertscore], protocol="raw")
    expected = direct(encoder, list(REFERENCES.values()), list(HYPOTHESES.values()))
    assert len(set(expected.round(4))) > 2
    np.testing.assert_allclose(found.per_study["bertscore"], expected, atol=1e-6)
    assert list(found) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "bertscore"]
    value = found["bertscore"]
    assert value.value == pytest.approx(expected.mean(), abs=1e-6)
    assert value.low < value.value < value.high
    assert value.n == 4


def test_bertscore_takes_the_best_of_several_references(bertscore, encoder) -> None:
    references = {key: [text, HYPOTHESES["b"]] for key, text in REFERENCES.items()}
    found = score(references, HYPOTHESES, metrics=[bertscore], protocol="raw", intervals=False)
    expected = direct(encoder, list(references.values()), list(HYPOTHESES.values()))
    np.testing.assert_allclose(found.per_study["bertscore"], expected, atol=1e-6)
    assert found.per_study["bertscore"]["b"] == pytest.approx(1.0)


def test_bertscore_of_blank_reports_is_zero(bertscore) -> None:
    values = bertscore.statistics(
        [["the heart is normal ."], ["  "], ["", "no effusion ."]], [" ", "x", "no effusion ."]
    )
    np.testing.assert_allclose(values, [[0.0], [0.0], [1.0]], atol=1e-6)


def test_bertscore_rescales_blank_reports_too(encoder, tmp_path) -> None:
    pytest.importorskip("bert_score")
    baseline = tmp_path / "small-bert.tsv"
    baseline.write_text("LAYER,P,R,F\n0,0.1,0.1,0.1\n1,0.2,0.2,0.2\n2,0.5,0.5,0.5\n")
    metric = load_metric("bertscore", model=encoder, layers="2", rescale="yes", baseline=str(baseline))
    texts = ["the heart is normal .", "no effusion ."]
    plain = direct(encoder, texts[:1], texts[1:])
    found = metric.statistics([texts[:1], texts[1:]], [texts[1], ""])
    np.testing.assert_allclose(found[:, 0], [(plain[0] - 0.5) / 0.5, -1.0], atol=1e-5)
    assert "baseline=small-bert.tsv@" in metric.identity


def test_the_layer_moves_the_number_and_the_signature(bertscore, encoder) -> None:
    other = load_metric("bertscore", model=encoder, layers="1")
    found = [score(REFERENCES, HYPOTHESES, metrics=[one], intervals=False) for one in (bertscore, other)]
    assert found[0]["bertscore"].value != pytest.approx(found[1]["bertscore"].value, abs=1e-4)
    difference = found[0].signature.differences(found[1].signature)
    assert list(difference) == ["bertscore"]
    assert f"bert-score@{version('bert-score')}(model=small-bert@" in difference["bertscore"][0]
    assert difference["bertscore"][0].endswith("layers=2)")


def test_the_signature_follows_the_weights_and_shows_no_path(bertscore, encoder, tmp_path) -> None:
    import shutil

    moved = tmp_path / "small-bert"
    shutil.copytree(encoder, moved)
    assert load_metric("bertscore", model=str(moved), layers="2").identity == bertscore.identity
    (moved / "extra.json").write_text("{}")
    changed = load_metric("bertscore", model=str(moved), layers="2").identity
    assert changed != bertscore.identity
    assert str(tmp_path) not in changed
    scores = score(REFERENCES, HYPOTHESES, metrics=["bleu_1", bertscore])
    assert parse(str(scores.signature)) == scores.signature
    assert "bertscore:" not in str(scores["bleu_1"].signature)
    assert bertscore.identity in str(scores["bertscore"].signature)


def test_compare_tests_bertscore_like_any_metric(bertscore, encoder) -> None:
    worse = dict.fromkeys(HYPOTHESES, "The lungs .")
    found = compare({"good": REFERENCES, "bad": worse}, REFERENCES, metrics=[bertscore], permutations=200)
    (row,) = found.differences
    expected = (
        1.0 - direct(encoder, [t.lower() for t in REFERENCES.values()], [t.lower() for t in worse.values()]).mean()
    )
    assert row.difference == pytest.approx(expected, abs=0.02)
    assert 0.0 < row.p_value <= 1.0
    assert "BERTScore" in found.to_latex()
    assert "bertscore:bert-score@" in str(found.signature)


def test_bertscore_names_a_wrong_option(encoder) -> None:
    pytest.importorskip("bert_score")
    with pytest.raises(InputError, match="no option colour; it has model, layers, rescale, baseline"):
        load_metric("bertscore", colour="blue")
    with pytest.raises(InputError, match="needs the option layers"):
        load_metric("bertscore", model=encoder)
    with pytest.raises(InputError, match="layers is 'two'; expected a whole number"):
        load_metric("bertscore", model=encoder, layers="two")
    with pytest.raises(InputError, match="rescale is 'maybe'"):
        load_metric("bertscore", model=encoder, layers="2", rescale="maybe")


def test_weights_that_are_not_there_are_one_clear_line(tmp_path) -> None:
    pytest.importorskip("bert_score")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        MissingPartError, match=r"metric bertscore can't be loaded by bert-score@.*; weights: "
    ) as caught:
        load_metric("bertscore", model=str(tmp_path / "empty"), layers="2")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


# Any plug-in


def test_an_unknown_name_is_told_before_weights_are_loaded(monkeypatch) -> None:
    monkeypatch.setattr("rrgbench.scoring.score.load_metric", lambda name: pytest.fail("loaded"))
    with pytest.raises(UnknownNameError, match=r"no metric is called 'spice'; known: bleu_1.*bertscore"):
        score(REFERENCES, HYPOTHESES, metrics=["bertscore", "spice"])
    with pytest.raises(UnknownNameError, match="no plug-in metric is called 'bertscor'; did you mean 'bertscore'"):
        load_metric("bertscor")


def test_values_without_a_number_are_refused_with_their_studies() -> None:
    with pytest.raises(InputError, match="metric lengths gave no number for 2 studies: b, d"):
        score(REFERENCES, HYPOTHESES, metrics=[plugged([1.0, np.nan, 2.0, np.inf])])


@pytest.mark.parametrize("wrong", [[1.0, 2.0, 3.0], [[1.0, 2.0]] * 4, 5.0])
def test_a_wrong_number_of_values_is_refused(wrong) -> None:
    with pytest.raises(InputError, match=r"metric lengths gave values of shape .*; expected \(4, 1\)"):
        score(REFERENCES, HYPOTHESES, metrics=[plugged(wrong)])


def test_texts_are_no_values_and_are_not_told() -> None:
    with pytest.raises(InputError, match="metric lengths gave no numbers; expected one for each study and value"):
        score(REFERENCES, HYPOTHESES, metrics=[plugged(["a report"] * 4)])


def test_two_metrics_with_one_key_are_refused() -> None:
    with pytest.raises(InputError, match="cider would be given by two metrics"):
        score(REFERENCES, HYPOTHESES, metrics=[plugged([0.0] * 4, keys=("cider",))])
    with pytest.raises(InputError, match="lengths would be given by two metrics"):
        score(REFERENCES, HYPOTHESES, metrics=[plugged([0.0] * 4), plugged([1.0] * 4)])
    once = plugged([0.0] * 4)
    assert list(score(REFERENCES, HYPOTHESES, metrics=[once, once, "lengths"], intervals=False)) == ["lengths"]


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 4)), min_size=1, max_size=9).filter(
        lambda x: any(c for _, c in x)
    )
)
def test_the_corpus_value_is_the_mean_over_studies_as_often_as_they_count(rows) -> None:
    values = np.array([value for value, _ in rows])
    counts = np.array([count for _, count in rows])
    metric = plugged(values)
    found = metric.aggregate(metric.statistics([["x"]] * len(rows), ["x"] * len(rows)), counts[None].astype(float))
    assert found[0, 0] == pytest.approx(np.repeat(values, counts).mean(), abs=1e-12)


def test_where_less_is_better_the_smaller_value_wins() -> None:
    def fewer(references, hypotheses):
        return [float(hypothesis != study[0]) for study, hypothesis in zip(references, hypotheses, strict=True)]

    references = [f"nodule {number} is seen" for number in range(12)]
    systems = {"same": references, "other": ["edema"] * 12}
    plug_in = PlugIn((Entry("errors", "Errors", "plug-in", better="lower"),), Loaded, "p", "")
    metric = ExternalMetric("errors", plug_in, fewer, "p@1")
    found = compare(systems, references, metrics=["rouge_l", metric], permutations=500)
    assert (found.beaten("same", "errors"), found.beaten("other", "errors")) == ("b", "")
    assert (found.beaten("same", "rouge_l"), found.beaten("other", "rouge_l")) == ("b", "")
    assert r"\textbf{0.000}" in found.to_latex()
    upright = ExternalMetric("errors", PlugIn((Entry("errors", "Errors", "plug-in"),), Loaded, "p", ""), fewer, "p@1")
    assert compare(systems, references, metrics=[upright], permutations=500).beaten("other", "errors") == "a"


def test_films_without_reports_leave_a_plug_in_out_with_the_reason() -> None:
    labels = np.zeros((4, 14), dtype=np.int8)
    found = score(None, HYPOTHESES, metrics=["ce", plugged([0.0] * 4)], reference_labels=labels, intervals=False)
    assert "lengths" not in found
    assert "no reference reports" in found.notes()["lengths"]
    assert "lengths:" not in str(found.signature)


def test_what_a_package_prints_stays_off_stdout(capsys) -> None:
    def chatty(references, hypotheses):
        print("Using device: cpu")
        return [1.0] * len(hypotheses)

    metric = ExternalMetric("chatty", PlugIn((Entry("chatty", "Chatty", "plug-in"),), Loaded, "p", ""), chatty, "p@1")
    score(REFERENCES, HYPOTHESES, metrics=[metric], intervals=False)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Using device" in printed.err


def test_a_value_beyond_the_bounds_of_its_entry_is_told(caplog) -> None:
    def percent(references, hypotheses):
        return [100.0, float("nan"), *[0.5] * (len(hypotheses) - 2)]

    metric = ExternalMetric("share", PlugIn((Entry("share", "Share", "plug-in"),), Loaded, "p", ""), percent, "p@1")
    metric.statistics([["a"]] * 4, ["b"] * 4)
    assert "gave share 100 for a study, beyond the 0 to 1 that its entry says" in caplog.text
    assert within_bounds("bleu_4", 0.5, -0.1, 0.7) == (0.0, 0.7)
    assert within_bounds("bleu_4", 1.5, 1.2, 1.8) == (1.2, 1.8)


@pytest.mark.parametrize(("protocol", "expected"), [("raw", "The heart"), ("r2gen@1", "the heart")])
def test_a_plug_in_reads_what_the_protocols_labeler_reads(protocol, expected) -> None:
    read = []

    def remembering(references, hypotheses):
        read.append((references, hypotheses))
        return [1.0] * len(hypotheses)

    metric = ExternalMetric("seen", PlugIn((Entry("seen", "Seen", "plug-in"),), Loaded, "p", ""), remembering, "p@1")
    score(REFERENCES, HYPOTHESES, metrics=[metric], protocol=protocol, intervals=False)
    ((references, hypotheses),) = read
    assert references[0][0].startswith(expected)
    assert hypotheses[0].startswith(expected)


def test_a_third_partys_metric_joins_by_its_entry_point(tmp_path, monkeypatch) -> None:
    (tmp_path / "word_ratio.py").write_text(
        "from rrgbench.metrics.external.plug_in import Loaded, PlugIn\n"
        "def load(power: str = '1'):\n"
        "    def ratio(references, hypotheses):\n"
        "        return [(len(h.split()) / len(r[0].split())) ** int(power) for r, h in zip(references, hypotheses)]\n"
        "    return Loaded(ratio, {'power': power})\n"
        "from rrgbench.metrics.catalogue import Entry\n"
        "RATIO = Entry('word_ratio', 'Word ratio', 'plug-in')\n"
        "PLUG_IN = PlugIn((RATIO,), load, 'word-ratio', 'pip install word-ratio')\n"
    )
    info = tmp_path / "word_ratio-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: word-ratio\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[rrgbench.metrics]\nword_ratio = word_ratio:PLUG_IN\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "word_ratio" in plug_in_metrics()
    found = score(REFERENCES, HYPOTHESES, metrics="word_ratio", protocol="raw")
    assert found.per_study["word_ratio"].tolist() == pytest.approx([1.0, 0.5, 1.0, 5 / 3])
    assert "word_ratio:word-ratio@2.1(power=1)" in str(found["word_ratio"].signature)
    assert "| Word ratio | 1.042 (" in found.to_markdown()
    squared = rrgbench.load_metric("word_ratio", power=2)
    assert squared.identity == rrgbench.load_metric("word_ratio", power="2").identity
    both = rrgbench.score(REFERENCES, HYPOTHESES, metrics=["rouge_l", squared], protocol="raw", intervals=False)
    assert both["word_ratio"].value == pytest.approx((1 + 0.25 + 1 + 25 / 9) / 4)


# The command line


@pytest.fixture
def command(tmp_path):
    for name, reports in (("references", REFERENCES), ("hypotheses", HYPOTHESES)):
        lines = "".join(json.dumps({"study_id": key, "report": text}) + "\n" for key, text in reports.items())
        (tmp_path / f"{name}.jsonl").write_text(lines)
    app = typer.Typer()
    for name, function in (("score", score_command), ("compare", compare_command), ("protocols", protocols_command)):
        app.command(name)(function)
    references, hypotheses = tmp_path / "references.jsonl", tmp_path / "hypotheses.jsonl"

    def invoke(name, *arguments):
        files = [f"same={references}", str(hypotheses)] if name == "compare" else ["--predictions", str(hypotheses)]
        return CliRunner().invoke(app, [name, *files, "--references", str(references), *arguments])

    return invoke


def test_score_compare_and_protocols_take_a_plug_in_with_options(command, encoder, bertscore) -> None:
    options = ["--metric-option", f"bertscore.model={encoder}", "--metric-option", "bertscore.layers=2"]
    expected = score(REFERENCES, HYPOTHESES, metrics=[bertscore])["bertscore"]
    result = command("score", "--metric", "rouge_l,bertscore", *options, "--json")
    assert result.exit_code == 0, result.output
    rows = {row["metric"]: row for row in json.loads(result.stdout)["values"]}
    assert rows["bertscore"]["value"] == pytest.approx(expected.value, abs=1e-6)
    assert rows["bertscore"]["low"] == pytest.approx(expected.low, abs=1e-6)
    compared = command("compare", "--metrics", "bertscore", *options, "--json")
    assert json.loads(compared.stdout)["systems"]["same"]["values"][0]["value"] == pytest.approx(1.0, abs=1e-6)
    table = command("protocols", "--metrics", "bertscore", *options, "--json")
    assert json.loads(table.stdout)["dcrrg"]["values"][0]["value"] == pytest.approx(expected.value, abs=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--metrics", "bertscore", "--metric-option", "model=x"], "expected METRIC.OPTION=VALUE"),
        (["--metrics", "bertscore", "--metric-option", "bertscore.model"], "expected METRIC.OPTION=VALUE"),
        (["--metrics", "bleu", "--metric-option", "bertscore.model=x"], "is not among --metrics"),
    ],
)
def test_malformed_metric_options_are_refused(command, given, message) -> None:
    result = command("score", *given)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_a_plug_in_that_fails_is_named_and_its_words_are_not_told():
    def scorer(references, hypotheses):
        raise ValueError(hypotheses[0])

    plug_in = PlugIn((Entry("mine", "mine", "plug-in"),), lambda: Loaded(scorer), "numpy", "pip install numpy")
    metric = ExternalMetric("mine", plug_in, scorer, "numpy@1")
    with pytest.raises(InputError, match=r"metric mine failed in its own package, numpy@1 \(ValueError\)") as caught:
        metric.statistics([["a b"]], ["the heart is large"])
    assert "heart" not in str(caught.value)


def test_a_plug_in_of_ones_own_needs_no_package_and_other_things_are_told():
    entries = (Entry("words", "Words", "plug-in", low=0, high=float("inf"), better=""),)

    def load(power: str = "1") -> Loaded:
        words = lambda references, reports: [len(one.split()) ** int(power) for one in reports]  # noqa: E731
        return Loaded(words, {"power": power})

    plug_in = PlugIn(entries=entries, load=load, package="numpy", get="pip install numpy")
    scores = score(["a b", "c d e"], ["a", "c d"], metrics=[load_metric(plug_in, power="2")], intervals=False)
    assert scores["words"].value == 2.5
    assert f"words:numpy@{np.__version__}(power=2)" in str(scores["words"].signature)
    for wrong, kind in ((plug_in, "PlugIn"), ([load], "function"), (load, "function"), ([3], "int")):
        with pytest.raises(InputError, match=rf"metrics: a metric is a name, or what rrgbench\.load.* a {kind}$"):
            score(["a"], ["a"], metrics=wrong)
