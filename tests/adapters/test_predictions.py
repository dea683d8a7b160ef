"""Files of predictions as a model, on corpora with and without films."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.adapters.prediction_files import read_answers
from rrgbench.cli.main import app
from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load as phantom
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.models import load_model
from rrgbench.observations import OBSERVATIONS
from rrgbench.scoring.report_shapes import Columns
from rrgbench.scoring.report_systems import ReportSource
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

NORMAL = "the lungs are clear . no pleural effusion . heart size is normal ."
EFFUSION = "there is a pleural effusion ."
EDEMA = "there is pulmonary edema ."
TEXTS = (NORMAL, EFFUSION, EDEMA, NORMAL)


def text_corpus():
    """Reports without films; test studies 0 to 11, of which every fourth is like the first."""
    studies = [
        Study(f"CXR{number}", f"CXR{number}", "test" if number < 12 else "train", report=TEXTS[number % 4])
        for number in range(24)
    ]
    return Corpus("texts", "ab" * 32, tuple(studies), other_ids={f"CXR{n}_IM-{n:04}": f"CXR{n}" for n in range(24)})


@pytest.fixture
def corpus():
    return text_corpus()


@pytest.fixture
def suite():
    tasks = {
        "report_generation": {},
        "clinical_efficacy": {},
        "retrieval": {"per_class": 2, "ks": (1,)},
        "classification": {"settings": ("own", "linear"), "fractions": (1.0,)},
    }
    return Suite(name="few", replicates=5, tasks=tasks)


def reports_file(path, corpus, ids=str, split="test", **changed):
    rows = {study.study_id: study.report for study in corpus.split(split)} | changed
    path.write_text("".join(json.dumps({"study_id": ids(key), "report": text}) + "\n" for key, text in rows.items()))
    return path


def value(run, metric, model, **where):
    (found,) = [
        r
        for r in run.records
        if (r.metric, r.model) == (metric, model) and all(getattr(r, key) == want for key, want in where.items())
    ]
    return found


def test_reports_of_a_corpus_without_films_stand_beside_the_trivial_systems(corpus, suite, tmp_path, caplog):
    model = load_model(f"predictions:{reports_file(tmp_path / 'mine.jsonl', corpus)}")
    run = evaluate(model, corpus, suite, tmp_path / "run")
    assert value(run, "bleu_4", "mine").value == pytest.approx(1.0)
    assert value(run, "ce_f1", "mine", setting="micro", observation=None).value == 1.0
    assert "reads:none" in value(run, "bleu_4", "mine").signature
    for name in ("most-frequent", "fixed-template", "random-report", "best-constant"):
        assert value(run, "bleu_1", name).value is not None
    assert value(run, "bleu_4", "most-frequent").value < 1
    assert "nearest-neighbour, classifier-template left out: corpus texts has no films" in caplog.text
    assert value(run, "auroc", "mine", setting="own").reason == "the model predicts no observations"
    assert value(run, "auroc", "mine", setting="linear").reason == "the model offers no image backbone"
    assert not [r for r in run.records if r.value is None and not r.reason]


def test_a_random_report_does_not_depend_on_the_order_of_studies(corpus):
    model = load_model("random-report")
    model.fit(corpus)
    from rrgbench.models import image_batches

    studies = corpus.split("test")
    (forward,), (backward,) = (list(image_batches(model, s)) for s in (studies, studies[::-1]))
    assert model.generate_reports(forward) == model.generate_reports(backward)[::-1]
    assert len(set(model.generate_reports(forward))) > 1


def test_a_model_that_reads_films_is_refused_where_there_are_none(corpus, suite, tmp_path):
    class Reader:
        name, image_size, identity = "reader", 8, "reader@1"

    with pytest.raises(InputError, match=r"has no films here, and reader reads films; .*--predictions FILE"):
        evaluate(Reader(), corpus, suite, tmp_path)


def test_other_ids_that_the_reader_knows_are_joined_and_said(corpus, suite, tmp_path, caplog):
    path = reports_file(tmp_path / "r2gen.jsonl", corpus, lambda study: f"{study}_IM-{int(study[3:]):04}")
    run = evaluate(load_model(f"predictions:{path}"), corpus, suite, tmp_path / "run")
    assert value(run, "bleu_4", "r2gen").value == pytest.approx(1.0)
    assert "allowed" not in value(run, "bleu_4", "r2gen").signature
    assert "12 ids are other ids of the corpus's studies (CXR0_IM-0000 is CXR0)" in caplog.text


def bound(corpus, path, **options):
    model = load_model(f"predictions:{path}", **options)
    return model, model.bind(corpus, corpus.split("test"))


@pytest.mark.parametrize(
    ("ids", "changed", "words"),
    [
        (str, {"CXR99": NORMAL}, "1 ids are no studies that are evaluated of corpus texts: CXR99"),
        (
            str,
            {"CXR20": NORMAL},
            "1 of them in another split: CXR20",
        ),
        (
            str.lower,
            {},
            "given.jsonl and corpus texts differ only by capitals (cxr0 there is CXR0 here)",
        ),
        (lambda study: f"x{study}", {}, "12 ids are no studies"),
        (str, {"CXR1": " "}, "1 reports are empty: CXR1"),
        (lambda study: "CXR1" if study == "CXR2" else study, {}, "1 study id more than once"),
    ],
)
def test_ids_that_do_not_meet_are_named(corpus, tmp_path, ids, changed, words):
    path = reports_file(tmp_path / "given.jsonl", corpus, ids, **changed)
    with pytest.raises(InputError) as caught:
        bound(corpus, path)
    assert words in str(caught.value)
    assert "lungs" not in str(caught.value)


def test_a_study_whose_section_is_empty_is_told_from_one_of_another_split(corpus, tmp_path):
    path = reports_file(tmp_path / "given.jsonl", corpus)
    silent = corpus.split("test")[0].study_id
    studies = tuple(replace(one, report=None) if one.study_id == silent else one for one in corpus.studies)
    other = replace(corpus, studies=studies, section="findings")
    wanted = f"1 of them without a report in the section that is read, findings: {silent};"
    with pytest.raises(InputError, match=wanted):
        load_model(f"predictions:{path}").bind(other, other.reports("test"))


def test_what_is_allowed_is_counted(corpus, tmp_path):
    path = reports_file(tmp_path / "given.jsonl", corpus, str.lower, CXR99=NORMAL)
    model, covered = bound(corpus, path, allow=["ids", "unknown"])
    assert len(covered) == 12
    assert model.allowed == "unknown=1+ids=12"


def test_a_study_named_by_two_ids_is_refused(corpus, tmp_path):
    path = reports_file(tmp_path / "given.jsonl", corpus, **{"CXR1_IM-0001": EDEMA})
    with pytest.raises(InputError, match="names 1 studies by several ids: CXR1"):
        bound(corpus, path)


def test_missing_studies_are_named_and_if_allowed_every_model_is_scored_on_the_rest(corpus, suite, tmp_path):
    whole = load_model(f"predictions:{reports_file(tmp_path / 'whole.jsonl', corpus)}")
    path = tmp_path / "part.jsonl"
    path.write_text("".join((tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)[:8]))
    with pytest.raises(InputError, match=r"4 of 12 studies of corpus texts have no prediction: CXR8.*--allow-missing"):
        evaluate(load_model(f"predictions:{path}"), corpus, suite, tmp_path / "run")
    part = load_model(f"predictions:{path}", allow=["missing"])
    run = evaluate(part, corpus, suite, tmp_path / "run", also=[whole])
    rows = [value(run, "bleu_1", name) for name in ("part", "whole", "most-frequent", "best-constant")]
    assert {row.n for row in rows} == {8}
    assert all("allowed:missing=4" in row.signature for row in rows)
    assert all(row.corpus != corpus.identity for row in rows), "a part of the corpus is not the corpus"


def test_a_file_of_several_systems(corpus, tmp_path):
    rows = [f"{system},{study.study_id},{study.report}" for system in ("a", "b") for study in corpus.split("test")]
    path = tmp_path / "both.csv"
    path.write_text("\n".join(["system,study_id,prediction", *rows]) + "\n")
    with pytest.raises(InputError, match=r"both\.csv holds the systems a, b; name one, as NAME=FILE"):
        load_model(f"predictions:{path}")
    model, covered = bound(corpus, path, system="b")
    assert (model.name, len(covered)) == ("b", 12)
    assert model.identity != load_model(f"predictions:{path}", system="a").identity


def probabilities_file(path, corpus, columns=("Edema", "Pleural Effusion"), cell=str):
    lines = [",".join(["study_id", *columns])]
    for study in corpus.split("test"):
        truth = {"Edema": "edema" in study.report, "Pleural Effusion": "is a pleural effusion" in study.report}
        lines.append(",".join([study.study_id, *(cell(float(truth.get(name, 0))) for name in columns)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_probabilities_of_some_observations(corpus, suite, tmp_path):
    path = probabilities_file(tmp_path / "probabilities.csv", corpus)
    run = evaluate(load_model(f"predictions:{path}", system="classifier"), corpus, suite, tmp_path / "run")
    row = value(run, "auroc", "classifier", setting="own", observation=None)
    assert row.value == 1.0
    assert "Cardiomegaly (not predicted)" in row.reason
    assert value(run, "auroc", "classifier", setting="own", observation="Edema").value == 1.0
    assert value(run, "bleu_4", "classifier").reason == "the model writes no reports"


@pytest.mark.parametrize(
    ("name", "mark", "point"), [("p.csv", ";", "."), ("p.csv", ";", ","), ("p.tsv", "\t", "."), ("p.csv", "|", ",")]
)
def test_probabilities_under_other_separators(corpus, tmp_path, name, mark, point):
    plain = probabilities_file(tmp_path / "plain.csv", corpus)
    text = "\r\n".join(
        mark.join(cell if at == 0 else cell.replace(".", point) for at, cell in enumerate(line.split(",")))
        for line in plain.read_text().splitlines()
    )
    (tmp_path / name).write_text(f"\ufeff{text}\r\n", encoding="utf-8")
    found, expected = (read_answers([ReportSource(path)], (), Columns(), "") for path in (tmp_path / name, plain))
    assert list(found[0].probabilities) == list(expected[0].probabilities)
    for study, row in expected[0].probabilities.items():
        np.testing.assert_array_equal(found[0].probabilities[study], row)


@pytest.mark.parametrize("cell", [lambda _: "nan", lambda _: "3.5", lambda _: "-0.1"])
def test_probabilities_that_are_none_are_named(corpus, tmp_path, cell):
    path = probabilities_file(tmp_path / "p.csv", corpus, cell=cell)
    with pytest.raises(InputError, match=r"12 studies have a probability that is no number from 0 to 1: CXR0"):
        load_model(f"predictions:{path}")


def test_percentages_are_told_from_logits(corpus, tmp_path):
    for cell, told in ((lambda _: "95.5", True), (lambda _: "-0.1", False), (lambda _: "nan", False)):
        path = probabilities_file(tmp_path / "p.csv", corpus, cell=cell)
        with pytest.raises(InputError, match="logits must go through a sigmoid first") as caught:
            load_model(f"predictions:{path}")
        assert ("percentages must be divided by 100" in str(caught.value)) == told


def test_a_probability_that_is_text_is_named(corpus, tmp_path):
    path = probabilities_file(tmp_path / "p.csv", corpus, cell=lambda _: "high")
    with pytest.raises(InputError, match=r"p\.csv: row 1 has 'high' as Edema"):
        load_model(f"predictions:{path}")


def test_reports_beside_probabilities_are_read_too(corpus, suite, tmp_path):
    path = probabilities_file(tmp_path / "both.csv", corpus)
    head, *rows = path.read_text().splitlines()
    texts = [study.report for study in corpus.split("test")]
    both = [f"{head},report", *(f"{row},{text}" for row, text in zip(rows, texts, strict=True))]
    path.write_text("\n".join(both) + "\n")
    run = evaluate(load_model(f"predictions:{path}", system="mine"), corpus, suite, tmp_path / "run")
    assert value(run, "auroc", "mine", setting="own", observation="Edema").value == 1.0
    assert value(run, "ce_f1", "mine", setting="micro", observation=None).value == 1.0
    assert value(run, "bleu_4", "mine").value == pytest.approx(1.0)


def test_two_columns_of_one_observation_are_refused(corpus, tmp_path):
    path = probabilities_file(tmp_path / "p.csv", corpus, columns=("Pleural Effusion", "pleural_effusion"))
    with pytest.raises(
        InputError, match=r"p\.csv: more than one column is called after the observation of Pleural Eff"
    ):
        load_model(f"predictions:{path}")


def test_columns_that_may_be_meant_for_an_observation_are_told(corpus, tmp_path, caplog):
    path = probabilities_file(tmp_path / "p.csv", corpus, columns=("Edema", "Effusion", "Cardiomegally", "fold"))
    load_model(f"predictions:{path}")
    assert "Effusion (did you mean Pleural Effusion?); Cardiomegally (did you mean Cardiomegaly?)" in caplog.text
    assert "fold" not in caplog.text


def test_probabilities_of_no_study_are_refused(tmp_path):
    (tmp_path / "p.csv").write_text("study_id,Edema\n")
    with pytest.raises(InputError, match=r"p\.csv holds no study"):
        load_model(f"predictions:{tmp_path / 'p.csv'}")


def test_probabilities_near_one_keep_their_order(corpus, suite, tmp_path):
    """float32 has nothing between 0.99999994 and 1."""
    path = probabilities_file(tmp_path / "p.csv", corpus, cell=lambda truth: repr(1 - 1e-9 if truth else 1 - 9e-9))
    run = evaluate(load_model(f"predictions:{path}", system="sure"), corpus, suite, tmp_path / "run")
    assert value(run, "auroc", "sure", setting="own", observation="Edema").value == 1.0


def arrays_file(path, corpus, **changed):
    kinds = {text: number for number, text in enumerate(dict.fromkeys(TEXTS))}
    studies = corpus.split("test")
    vectors = np.eye(3)[[kinds[study.report] for study in studies]] * 3
    arrays = {
        "study_ids": np.array([study.study_id for study in studies]),
        "images": vectors,
        "reports": vectors,
        "probabilities": np.full((len(studies), 14), 0.5),
    }
    np.savez(path, **{key: array for key, array in (arrays | changed).items() if array is not None})
    return path


def test_one_system_of_several_files_does_every_task(corpus, suite, tmp_path):
    files = [reports_file(tmp_path / "r.jsonl", corpus), arrays_file(tmp_path / "v.npz", corpus)]
    run = evaluate(load_model("predictions", path=files, system="mine"), corpus, suite, tmp_path / "run")
    assert value(run, "precision_at_k", "mine", k=1).value == 1.0
    assert value(run, "auroc", "mine", setting="own", observation=None).value == 0.5
    assert value(run, "bleu_4", "mine").value == pytest.approx(1.0)
    with pytest.raises(InputError, match=r"r.jsonl and r2.jsonl both hold reports"):
        load_model("predictions", path=[files[0], reports_file(tmp_path / "r2.jsonl", corpus)])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": np.zeros((12, 3))}, "12 vectors of images are zero or not finite: CXR0"),
        ({"images": np.full((12, 3), np.nan)}, "12 vectors of images are zero or not finite: CXR0"),
        ({"images": np.ones((11, 3))}, "12 study ids stand beside 11 rows"),
        ({"images": np.ones(12)}, "images is float64 (12,); expected numbers, a row a study"),
        ({"study_ids": None}, "expected study_ids and some of"),
        ({"study_ids": np.array(["CXR0"] * 12)}, "1 study id more than once: CXR0"),
        ({"study_ids": np.ones(12)}, "study ids are float64 (12,)"),
        ({"vectors": np.ones((12, 3))}, "expected study_ids and some of"),
        ({"probabilities": np.ones((12, 5))}, "probabilities have 5 columns for 14 observations"),
    ],
)
def test_arrays_that_are_none_are_refused(corpus, tmp_path, changed, words):
    with pytest.raises(InputError) as caught:
        load_model(f"predictions:{arrays_file(tmp_path / 'v.npz', corpus, **changed)}")
    assert words in str(caught.value)


def test_nothing_pickled_is_read(tmp_path):
    np.savez(tmp_path / "v.npz", study_ids=np.array(["a", None], dtype=object))
    (tmp_path / "w.npz").write_bytes(b"no archive")
    for name, words in (
        ("v.npz", r"v\.npz: study_ids is an array of Python objects; save texts as study_ids=numpy\.array\("),
        ("w.npz", r"is no \.npz of plain arrays"),
    ):
        with pytest.raises(InputError, match=words):
            load_model(f"predictions:{tmp_path / name}")


@pytest.mark.parametrize(
    "columns", [("prob_Edema", "Pleural Effusion (probability)"), ("Edema_prob", "p_pleural_effusion")]
)
def test_columns_may_say_that_they_are_probabilities(corpus, tmp_path, columns, caplog):
    path = probabilities_file(tmp_path / "p.csv", corpus, columns=columns)
    model, _ = bound(corpus, path)
    found = np.stack(list(model._found["probabilities"].values()))
    assert np.flatnonzero(~np.isnan(found).all(axis=0)).tolist() == [
        OBSERVATIONS.index(name) for name in ("Edema", "Pleural Effusion")
    ]
    assert "not read" not in caplog.text


@pytest.mark.parametrize("label", ["Edema", "Fracture"])
def test_a_label_beside_probabilities_is_not_taken_for_one(corpus, tmp_path, label, caplog):
    """Its AUROC would be 1."""
    path = probabilities_file(tmp_path / "p.csv", corpus, columns=(label, "prob_Edema"))
    model, _ = bound(corpus, path)
    found = np.stack(list(model._found["probabilities"].values()))
    assert np.flatnonzero(~np.isnan(found).all(axis=0)).tolist() == [OBSERVATIONS.index("Edema")]
    rows = [line.split(",") for line in path.read_text().splitlines()]
    column = rows[0].index("prob_Edema")
    given = {row[0]: float(row[column]) for row in rows[1:]}
    assert {study: float(one[OBSERVATIONS.index("Edema")]) for study, one in model._found["probabilities"].items()} == {
        study: pytest.approx(value) for study, value in given.items()
    }
    assert f"not read: {label} (taken for a label)" in caplog.text


def test_labels_of_reports_beside_the_reports_are_no_probabilities(corpus, tmp_path, caplog):
    studies = corpus.split("test")
    path = tmp_path / "p.csv"
    rows = "".join(f"{one.study_id},No effusion.,1,-1,3\n" for one in studies)
    path.write_text("study_id,report,Edema_pred,Fracture_pred,Pneumonia score\n" + rows)
    model, _ = bound(corpus, path)
    assert len(model._found["reports"]) == len(studies)
    assert not model._found.get("probabilities")


def test_probabilities_of_0_and_1_alone_are_told(corpus, tmp_path, caplog):
    path = tmp_path / "p.csv"
    rows = "".join(f"{one.study_id},{at % 2}\n" for at, one in enumerate(corpus.split("test")))
    path.write_text("study_id,Edema\n" + rows)
    bound(corpus, path)
    assert "all probabilities are 0 or 1; if they are labels" in caplog.text


def test_five_observations_of_an_npz(corpus, tmp_path):
    names = np.array(["edema", "Pleural_Effusion"])
    path = arrays_file(tmp_path / "v.npz", corpus, observations=names, probabilities=np.full((12, 2), 0.25))
    model, _ = bound(corpus, path)

    @dataclass
    class Asked:
        study_id: str

    given = model.predict_observations([Asked("CXR0")])[0]
    assert given[OBSERVATIONS.index("Edema")] == np.float32(0.25)
    assert np.isnan(given[OBSERVATIONS.index("Fracture")])


def test_equal_reports_with_different_vectors_are_refused(corpus, tmp_path):
    path = arrays_file(tmp_path / "v.npz", corpus, reports=np.eye(12))
    with pytest.raises(InputError, match="CXR0 and CXR3 have the same report and different vectors"):
        bound(corpus, path)


def test_predictions_of_a_corpus_with_films_read_none(suite, tmp_path, monkeypatch):
    corpus = phantom(train=8, validate=0, test=6, retrieval=0)
    path = reports_file(tmp_path / "mine.jsonl", corpus)
    monkeypatch.setattr("rrgbench.data.phantom.film.PhantomFilm.load", lambda *_: pytest.fail("decoded"))
    few = replace_tasks(suite, ("report_generation", "clinical_efficacy"))
    run = evaluate(load_model(f"predictions:{path}"), corpus, few, tmp_path / "run")
    assert value(run, "bleu_4", "mine").n == 6


def replace_tasks(suite, names):
    return suite.model_copy(update={"trivial": (), "tasks": {name: suite.tasks[name] for name in names}})


def test_on_the_command_line(tmp_path):
    root = tmp_path / "corpus"
    root.mkdir()
    corpus = text_corpus()
    lines = [
        {"study_id": s.study_id, "subject_id": s.subject_id, "split": s.split, "report": s.report}
        for s in corpus.studies
    ]
    (root / "studies.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (root / "few.yaml").write_text("replicates: 5\ntasks: {report_generation: {}}\n")
    mine = reports_file(tmp_path / "mine.jsonl", corpus)
    theirs = reports_file(tmp_path / "b.jsonl", corpus, CXR1=EDEMA)
    command = ["eval", "--corpus", "jsonl", "--root", str(root), "--suite", str(root / "few.yaml")]
    given = ["--predictions", str(mine), "--predictions", f"theirs={theirs}", "--out", str(tmp_path / "run")]
    shown = CliRunner().invoke(app, [*command, *given])
    assert shown.exit_code == 0, shown.output
    assert "mine" in shown.stdout
    assert "theirs" in shown.stdout
    records = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {"mine", "theirs", "fixed-template", "best-constant"} <= {r["model"] for r in records}
    again = CliRunner().invoke(app, [*command, "--predictions", str(mine), "--predictions", str(mine)])
    assert "the same model stands twice" in str(again.exception)


def test_the_predicted_studies_are_evaluated_wherever_they_are(corpus, suite, tmp_path):
    path = tmp_path / "mine.jsonl"
    reports = {"CXR2": EDEMA, "CXR13": EFFUSION, "CXR20": NORMAL}
    path.write_text("".join(json.dumps({"study_id": key, "report": text}) + "\n" for key, text in reports.items()))
    run = evaluate(load_model(f"predictions:{path}"), corpus, suite, tmp_path / "run", predicted_studies=True)
    assert value(run, "bleu_4", "mine").value == pytest.approx(1.0)
    assert {value(run, "bleu_1", name).n for name in ("mine", "most-frequent", "best-constant")} == {3}
    assert value(run, "bleu_1", "mine").corpus != corpus.identity
    with pytest.raises(InputError, match="no predictions name studies of corpus texts"):
        evaluate("most-frequent", corpus, suite, tmp_path / "none", predicted_studies=True)


def test_a_study_of_a_film_is_told_by_the_films_name(corpus, tmp_path):
    @dataclass(frozen=True)
    class File:
        path: object
        view: str = "PA"

    studies = tuple(
        replace(study, images=(File(tmp_path / f"dicom-{study.study_id}.jpg"),)) for study in corpus.studies
    )
    path = reports_file(tmp_path / "given.jsonl", corpus, lambda study: f"dicom-{study}")
    model = load_model(f"predictions:{path}")
    assert len(model.bind(replace(corpus, studies=studies), studies[:12])) == 12


def test_a_name_with_a_slash_is_one_file(corpus, suite, tmp_path):
    path = reports_file(tmp_path / "r.jsonl", corpus)
    model = load_model("predictions", path=[path], system="Qwen/Qwen2-VL")
    run = evaluate(model, corpus, suite, tmp_path / "run")
    assert model.name == "Qwen-Qwen2-VL"
    assert any(file.name.startswith("Qwen-Qwen2-VL-") for file in (run.folder / "predictions").iterdir())


def test_what_is_left_out_is_said_with_its_reason(corpus, suite, tmp_path, caplog):
    """Studies that have another section alone are not unknown, and nothing is dropped without a word."""
    silent = ("CXR2", "CXR13")
    studies = tuple(replace(one, report=None) if one.study_id in silent else one for one in corpus.studies)
    other = replace(corpus, studies=studies, section="findings")
    path = reports_file(tmp_path / "mine.jsonl", corpus, CXR13=NORMAL, CXR99=NORMAL)
    model = load_model(f"predictions:{path}", allow=["unknown"])
    run = evaluate(model, other, suite, tmp_path / "run", predicted_studies=True)
    words = (
        "mine.jsonl: 3 predictions are left out, 2 of them without a report in the section that is read, findings "
        "and 1 of them of no study of corpus texts"
    )
    assert caplog.text.count(words) == 1
    assert words in json.loads((run.folder / "run.json").read_text())["warnings"]
    assert "allowed:unknown=1+unreported=2" in value(run, "bleu_1", "mine").signature
