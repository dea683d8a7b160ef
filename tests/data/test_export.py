"""References of a corpus as files that score takes."""

import json

import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.corpus import Corpus
from rrgbench.data.export import export_references, export_training_reports
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.models import load_model
from rrgbench.scoring.report_files import pair_reports, read_reports
from rrgbench.scoring.score import score
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

TEXTS = ("the lungs are clear .", "there is a pleural effusion .", "heart size is normal . no edema .")


def corpus_of(count=9, silent=()):
    studies = (
        Study(f"s{n}", f"s{n}", "test" if n < 6 else "train", report=None if n in silent else TEXTS[n % 3])
        for n in range(count)
    )
    return Corpus("texts", "ab" * 32, tuple(studies))


def test_scores_on_exported_references_are_those_of_eval(tmp_path):
    corpus = corpus_of()
    predictions = tmp_path / "mine.jsonl"
    predictions.write_text("".join(json.dumps({"study_id": f"s{n}", "report": TEXTS[0]}) + "\n" for n in range(6)))
    done = export_references(corpus, "test", tmp_path / "refs.jsonl")
    pairs = pair_reports(read_reports(done.path, "references"), read_reports(predictions))
    given = dict(zip(pairs.study_ids, pairs.hypotheses, strict=True))
    texts = dict(zip(pairs.study_ids, (found[0] for found in pairs.references), strict=True))
    scores = score(texts, given, metrics=["bleu_1", "cider"], intervals=False, certificate=False)
    suite = Suite(name="few", replicates=5, trivial=(), tasks={"report_generation": {}})
    run = evaluate(load_model(f"predictions:{predictions}"), corpus, suite, tmp_path / "run")
    for key in ("bleu_1", "cider"):
        assert run.value("report_generation", key, "mine") == scores[key].value


def test_what_is_written_and_what_is_not(tmp_path):
    corpus = corpus_of(silent=(7,))
    train = export_training_reports(corpus, tmp_path / "train.jsonl")
    assert train.studies == 2
    assert [json.loads(line)["study_id"] for line in train.path.read_text().splitlines()] == ["s6", "s8"]
    with pytest.raises(InputError, match="has no reports in its train split"):
        export_training_reports(corpus_of(silent=(6, 7, 8)), tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="there is no folder"):
        export_references(corpus, "test", tmp_path / "absent" / "refs.jsonl")


def test_on_the_command_line(tmp_path):
    rows = [
        {"study_id": s.study_id, "subject_id": s.subject_id, "split": s.split, "report": s.report} for s in corpus_of()
    ]
    (tmp_path / "studies.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = ["--references", str(tmp_path / "refs.jsonl"), "--training-reports", str(tmp_path / "train.jsonl")]
    shown = CliRunner().invoke(app, ["data", "export", "--corpus", "jsonl", "--root", str(tmp_path), *files])
    assert shown.exit_code == 0, shown.output
    assert "refs.jsonl, 6 reports" in shown.stderr
    assert "rrgbench score --predictions FILE --references" in shown.stderr
    scored = ["score", "--predictions", files[1], "--references", files[1], "--metrics", "bleu_1", "--json"]
    assert CliRunner().invoke(app, scored).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "--references", "{}/studies.jsonl"), "in the folder that is read"),
        (("export", "--references", "{}/../a.jsonl", "--training-reports", "{}/../a.jsonl"), "are one file"),
        (("export", "--references", "{}/../a.jsonl", "--training-reports", "{}/x.png"), "in the folder that is read"),
        (("stats", "--out", "{}/x.png"), "in the folder that is read"),
        (("five-by-200", "--out", "{}/studies.jsonl"), "in the folder that is read"),
    ],
)
def test_files_of_the_corpus_are_never_replaced(tmp_path, words, said):
    folder = tmp_path / "corpus"
    folder.mkdir()
    kept = {"studies.jsonl": "{}\n", "x.png": "film"}
    for name, content in kept.items():
        (folder / name).write_text(content)
    asked = ["data", *(word.format(folder) for word in words), "--corpus", "jsonl", "--root", str(folder)]
    done = CliRunner().invoke(app, asked)
    assert isinstance(done.exception, InputError)
    assert said in str(done.exception)
    assert {name: (folder / name).read_text() for name in kept} == kept
    assert not (tmp_path / "a.jsonl").exists()


def test_what_was_written_before_is_replaced_in_the_corpus_too(tmp_path):
    rows = [
        {"study_id": s.study_id, "subject_id": s.subject_id, "split": s.split, "report": s.report} for s in corpus_of()
    ]
    (tmp_path / "studies.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = [
        "data",
        "export",
        "--corpus",
        "jsonl",
        "--root",
        str(tmp_path),
        "--references",
        str(tmp_path / "refs.jsonl"),
    ]
    assert CliRunner().invoke(app, told).exit_code == CliRunner().invoke(app, told).exit_code == 0


def test_studies_of_other_splits_as_the_split_that_is_evaluated():
    corpus = corpus_of()
    made = corpus.regrouped("test", {"s1", "s7"})
    assert [study.study_id for study in made.split("test")] == ["s1", "s7"]
    assert [study.study_id for study in made.split("train")] == ["s6", "s8"]
    assert made.digest not in (corpus.digest, corpus.narrowed("test", {"s1", "s7"}).digest)
    assert corpus.narrowed("test", {"s1"}).digest != corpus.narrowed("test", {"s2"}).digest
    patients = (
        Study("a", "p", "train", report="x"),
        Study("b", "p", "train", report="x"),
        Study("c", "q", "test", report="x"),
    )
    assert [study.study_id for study in Corpus("c", "00", patients).regrouped("test", {"a"})] == ["a"], "no leak"
