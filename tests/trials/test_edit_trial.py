"""The trial of edits: rates against metrics whose answer is known, tables, and the command."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.loading import load_corpus
from rrgbench.errors import InputError, MissingPartError
from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.external.plug_in import ExternalMetric, Loaded, PlugIn
from rrgbench.scoring.options import scoring
from rrgbench.trials.edits.draft import draft_of
from rrgbench.trials.edits.edit import EDITS, every_edit
from rrgbench.trials.edits.examples import marked, worst_examples
from rrgbench.trials.edits.tables import Result
from rrgbench.trials.edits.trial import ALL, KENDALL, MONOTONE, SEVERAL, EditTrial, run_trial, variants_of
from rrgbench.trials.metrics import every_metric

CORPUS = load_corpus("phantom", train=0, validate=0, test=12, retrieval=0)
DRAFTS = [draft_of(study) for study in CORPUS.studies if study.split == "test"]
HARM = {
    (DRAFTS[one.study].text, one.text): one.grade if one.edit == SEVERAL or EDITS.load(one.edit).harmful else 0
    for one in variants_of(DRAFTS, every_edit())
}


def metric(name: str, value, better: str = "higher") -> ExternalMetric:
    """A metric of one value, from the number of harmful edits in a text."""
    plug_in = PlugIn((Entry(name, name, "plug-in", better=better),), Loaded, "some-package", "pip")

    def score(references: list[list[str]], reports: list[str]) -> list[float]:
        pairs = zip(references, reports, strict=True)
        return [value(HARM[study[0], report]) for study, report in pairs]

    return ExternalMetric(name, plug_in, score, "some-package@1")


def tried(*metrics, **options) -> EditTrial:
    return run_trial(CORPUS, every_edit(), scoring("raw", metrics=metrics, replicates=50), studies=12, **options)


@pytest.fixture(scope="module")
def trial() -> EditTrial:
    return tried(
        "rouge_l",
        "ce_f1",
        metric("knows", lambda harm: 1.0 - 0.1 * harm),
        metric("counts", lambda harm: float(harm), "lower"),
        metric("blind", lambda harm: 0.5),
        metric("misled", lambda harm: float(harm)),
        metric("coarse", lambda harm: float(harm == 0)),
    )


def test_metrics_whose_answer_is_known_get_it(trial: EditTrial) -> None:
    applied = [one.name for one in trial.harmful if trial.studies_of(one.name)]
    assert len(applied) > 7
    for edit in (*applied, ALL):
        assert [trial.rates[key, edit].value for key in ("knows", "counts", "blind", "misled", "coarse")] == [
            1.0,
            1.0,
            0.5,
            0.0,
            1.0,
        ]
    assert [trial.rates[key, MONOTONE].value for key in ("knows", "blind", "misled", "coarse")] == [1.0, 0.5, 0.0, 0.5]
    assert [trial.rates[key, KENDALL].value for key in ("knows", "counts", "blind", "misled")] == [1.0, 1.0, 0.0, -1.0]
    assert trial.ties["blind"] == 1.0
    assert trial.ties["knows"] == 0.0


def test_rates_are_those_of_counting_one_by_one(trial: EditTrial) -> None:
    column = [one.key for one in trial.entries].index("rouge_l")
    harmless = {edit.name for edit in trial.edits if not edit.harmful}
    for edit in trial.harmful:
        by_study: dict[int, list[float]] = {}
        for row, one in enumerate(trial.variants):
            if one.edit == edit.name:
                gaps = [
                    trial.scores[other, column] - trial.scores[row, column]
                    for other, beside in enumerate(trial.variants)
                    if beside.study == one.study and beside.edit in harmless
                ]
                by_study.setdefault(one.study, []).append(
                    float(np.mean([1.0 if gap > 1e-12 else 0.5 if gap > -1e-12 else 0.0 for gap in gaps]))
                )
        values = [share for shares in by_study.values() for share in shares]
        found = trial.rates["rouge_l", edit.name]
        assert found.studies == len(by_study) == trial.studies_of(edit.name)
        if values:
            assert found.value == pytest.approx(np.mean(values))
            assert found.low <= found.value + 1e-12
            assert found.value <= found.high + 1e-12
        else:
            assert np.isnan(found.value)


def test_clinical_efficacy_sees_findings_and_no_sides(trial: EditTrial) -> None:
    rates = {edit: trial.rates["ce_f1", edit].value for edit in ("negation_flipped", "finding_invented")}
    assert rates == {"negation_flipped": 1.0, "finding_invented": 1.0}
    assert trial.rates["ce_f1", "side_swapped"].value == 0.5


def test_scores_are_those_of_score(trial: EditTrial) -> None:
    import rrgbench

    column = [one.key for one in trial.entries].index("rouge_l")
    texts = [one.text for one in trial.variants]
    references = [trial.drafts[one.study].text for one in trial.variants]
    expected = rrgbench.score(references, texts, "raw", ["rouge_l"], intervals=False, certificate=False)
    np.testing.assert_array_equal(trial.scores[:, column], expected.per_study["rouge_l"])


def test_the_worst_examples_are_the_worst(trial: EditTrial) -> None:
    found = worst_examples(trial, "misled", 4)
    assert len(found) == 4
    assert len({one.study_id for one in found}) == 4
    assert all(one.gap >= 1 for one in found)
    assert worst_examples(trial, "knows", 4) == []
    assert {one.gap for one in worst_examples(trial, "blind", 2)} == {0.0}
    with pytest.raises(InputError, match="no metric bleu_9; it has rouge_l"):
        worst_examples(trial, "bleu_9", 1)
    assert marked("no small left effusion.", "no left effusion, new.") == "no [...] left [effusion, new.]"


def test_a_split_without_reports_is_refused() -> None:
    with pytest.raises(InputError, match="split train: 0 reports, and no edit applies"):
        tried("rouge_l", split="train")
    one_kind = [edit for edit in every_edit() if edit.harmful]
    with pytest.raises(InputError, match="no harmless edit applies"):
        run_trial(CORPUS, one_kind, scoring("raw", metrics=["rouge_l"]), studies=3)


def test_json_and_tables_hold_no_report(trial: EditTrial) -> None:
    result = Result(trial)
    content = json.loads(result.to_json())
    assert {row["metric"] for row in content["rates"]} == {one.key for one in trial.entries}
    assert {row["name"] for row in content["edits"]} == {edit.name for edit in every_edit()}
    shown = result.to_json() + result.to_markdown() + result.to_latex()
    assert not any(sentence.text in shown for draft in DRAFTS for sentence in draft.sentences)
    assert result.best in ("knows", "counts", "coarse")
    assert r"\toprule" in result.to_latex()


def test_every_metric_runs_and_judges_only_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> ExternalMetric:
        if name != "ratescore":
            raise MissingPartError(f"{name} has no weights")
        return metric(name, float)

    monkeypatch.setattr("rrgbench.trials.metrics.load_metric", load)
    found, absent = every_metric()
    assert {"bleu_4", "ce_f1"} <= {one for one in found if isinstance(one, str)}
    assert [one.name for one in found if isinstance(one, ExternalMetric)] == ["ratescore"]
    assert absent["bertscore"] == "bertscore has no weights"
    assert "name it" in absent["green"]


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["trials", "edits", *map(str, arguments)])
    return result.exit_code, result.output


SMALL = ("-o", "test=6", "-o", "train=0", "-o", "validate=0", "-o", "retrieval=0", "--replicates", 20, "--metrics")


def test_the_command_writes_tables_figure_and_page(tmp_path) -> None:
    figure, page = tmp_path / "edits.svg", tmp_path / "edits.html"
    code, output = run(*SMALL, "rouge_l,ce_f1", "--figure", figure, "--html", page, "--examples", 2)
    assert code == 0, output
    assert "harmful below harmless" in output
    assert "Worst examples of CE F1" in output
    assert ">negation<" in figure.read_text(encoding="utf-8")
    assert "Worst examples of CE F1" in page.read_text(encoding="utf-8")
    code, plain = run(*SMALL, "rouge_l", "--html", page)
    assert code == 0
    for text in (plain, page.read_text(encoding="utf-8")):
        assert not any(sentence.text in text for draft in DRAFTS[:6] for sentence in draft.sentences)


def test_one_edit_of_each_kind_is_enough() -> None:
    code, output = run(*SMALL, "rouge_l", "--edit", "paraphrase", "--edit", "negation_flipped", "--json")
    assert code == 0
    rows = json.loads(output)["rates"]
    assert [row["edit"] for row in rows] == ["negation_flipped", ALL, MONOTONE, KENDALL]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--figure", "edits.gif"), "expected a file ending in"),
        (("--edit", "negations"), "negation_flipped"),
        (("--split", "tests"), "did you mean 'test'"),
        (("--examples", 1, "--examples-of", "bleu"), "no metric bleu"),
    ],
)
def test_mistakes_are_said(arguments: tuple[object, ...], words: str) -> None:
    result = CliRunner().invoke(app, ["trials", "edits", *map(str, (*SMALL, "rouge_l", *arguments))])
    assert result.exit_code != 0
    assert words in " ".join((result.output + str(result.exception)).split())
