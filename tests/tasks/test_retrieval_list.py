"""Retrieval on a list of studies: exported, imported, stated in the signature, and part of a unit's digest."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.corpus import Corpus
from rrgbench.data.five_by_200 import SampleList, read_list
from rrgbench.data.phantom import load
from rrgbench.data.study import Study, blank_labels
from rrgbench.data.unpaired import combine
from rrgbench.errors import InputError
from rrgbench.observations import COMPETITION_OBSERVATIONS, observation_index
from rrgbench.runs.records import Record
from rrgbench.scoring.options import scoring
from rrgbench.tasks.base import Unit
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.retrieval import TASK, RetrievalParameters, answers, drawn_sample, listed_sample
from rrgbench.tasks.suite import Suite, load_suite

OPTIONS = ("--option", "train=20", "--option", "validate=0", "--option", "test=600", "--option", "retrieval=0")
SUITE = "trivial: []\nreplicates: 20\ntasks: {retrieval: {per_class: 3, ks: [1]}}\n"

runner = CliRunner()


class Film:
    """A film whose every pixel is the position of its class."""

    view = "PA"

    def __init__(self, position: int) -> None:
        self.position = position

    def load(self, size: int) -> np.ndarray:
        return np.full((size, size), self.position, dtype=np.uint8)


class Reader:
    """Knows the class of each film and of each report."""

    name, image_size, identity = "reader", 4, "reader@1"

    def similarity(self, images: np.ndarray, texts: list[str]) -> np.ndarray:
        classes = np.array([COMPETITION_OBSERVATIONS.index(text.split(":")[0]) for text in texts])
        return (images[:, 0, 0][:, None] == classes[None, :]).astype(np.float32)


def studies(count: int, report: bool = True, split: str = "test", prefix: str = "") -> tuple[Study, ...]:
    found = []
    for position, name in enumerate(COMPETITION_OBSERVATIONS):
        for number in range(count):
            labels = blank_labels()
            labels[observation_index(name)] = 1
            study_id = f"{prefix}{name}-{number}"
            text = f"{name}: {number}" if report else None
            found.append(Study(study_id, study_id, split, (Film(position),), report=text, labels=labels))
    return tuple(found)


def listing(ids: dict[str, list[str]], folder: Path) -> SampleList:
    (folder / "list.json").write_text(json.dumps(ids))
    return read_list(folder / "list.json")


def three_of_each(split_prefix: str = "") -> dict[str, list[str]]:
    return {name: [f"{split_prefix}{name}-{number}" for number in range(3)] for name in COMPETITION_OBSERVATIONS}


def evaluation(corpus: Corpus) -> Evaluation:
    suite = Suite(name="one", replicates=10)
    return Evaluation(corpus, Reader(), suite, scoring("raw", corpus=corpus.identity, split="test", replicates=10))


def run(one: Evaluation, parameters: RetrievalParameters) -> list[Record]:
    return list(TASK.run(one, parameters, Unit("retrieval")).records)


def test_a_list_is_queried_and_stated(tmp_path: Path) -> None:
    wanted = listing(three_of_each(), tmp_path)
    rows = run(evaluation(Corpus("own", "ab" * 8, studies(6))), RetrievalParameters(ks=(1,), sample=wanted))
    assert [row.value for row in rows] == [1.0, pytest.approx(0.2)]
    assert rows[0].n == 15
    assert f"|sample:5x3:list@{wanted.digest[:8]}" in rows[0].signature
    assert "|pool:test|" in rows[0].signature
    assert "|seed:" not in rows[0].signature


def test_a_list_of_films_queries_reports_that_are_drawn(tmp_path: Path) -> None:
    films = Corpus("films", "ab" * 8, studies(6, report=False))
    texts = Corpus("texts", "cd" * 8, studies(7, prefix="t"))
    wanted = listing(three_of_each(), tmp_path)
    rows = run(evaluation(combine(films, texts)), RetrievalParameters(ks=(1,), per_class=4, seed=2, sample=wanted))
    assert rows[0].value == 1.0
    assert f"|sample:5x3:list@{wanted.digest[:8]}/4" in rows[0].signature
    assert "|seed:2|" in rows[0].signature


def test_a_list_may_be_of_the_training_split_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    corpus = Corpus("own", "ab" * 8, (*studies(4, split="train", prefix="r"), *studies(4)))
    found = answers(evaluation(corpus), RetrievalParameters(ks=(1,), sample=listing(three_of_each("r"), tmp_path)))
    assert found.pool == "train"
    assert "list.json lists studies of the training split" in caplog.text


def test_a_list_that_does_not_fit_the_corpus_ends_the_run(tmp_path: Path) -> None:
    corpus = Corpus("own", "ab" * 8, studies(2))
    with pytest.raises(InputError, match=r"list\.json: 5 studies are not in this corpus: Atelectasis-2"):
        run(evaluation(corpus), RetrievalParameters(sample=listing(three_of_each(), tmp_path)))


def test_a_listed_study_lacks_nothing(tmp_path: Path) -> None:
    wanted = listing(three_of_each(), tmp_path)
    whole = list(studies(3))
    first = whole[0]
    for changed, message in (
        (Study(first.study_id, first.subject_id, "test", first.images), "neither labels nor a report"),
        (Study(first.study_id, first.subject_id, "test", report="a", labels=first.labels), "no film to query with"),
        (Study(first.study_id, first.subject_id, "test", first.images, labels=first.labels), "no report to retrieve"),
    ):
        with pytest.raises(InputError, match=f"list.json: 1 studies have {message}: Atelectasis-0"):
            listed_sample(Corpus("own", "ab" * 8, (changed, *whole[1:])), wanted)


def test_no_study_is_drawn_that_lacks_its_report_or_film() -> None:
    bare = [
        Study(f"bare-{study.study_id}", f"bare-{study.study_id}", "test", study.images, labels=study.labels)
        for study in studies(20)
    ]
    textual = [
        Study(f"text-{study.study_id}", f"text-{study.study_id}", "test", report=study.report, labels=study.labels)
        for study in studies(20)
    ]
    drawn = drawn_sample(Corpus("own", "ab" * 8, (*bare, *textual, *studies(3))), "test", 200, 0)
    assert drawn.size == "5x3"
    assert drawn_sample(Corpus("films", "ab" * 8, tuple(bare)), "test", 200, 0).size == "5x20"


def test_the_digest_of_a_unit_follows_what_the_list_says(tmp_path: Path) -> None:
    def inputs(**parameters: object) -> dict[str, object]:
        return RetrievalParameters(**parameters).model_dump(mode="json")

    wanted = listing(three_of_each(), tmp_path)
    before = inputs(sample=wanted)
    assert before["sample"] == f"list@{wanted.digest}"
    (tmp_path / "elsewhere").mkdir()
    assert inputs(sample=listing(three_of_each(), tmp_path / "elsewhere")) == before
    ids = three_of_each()
    ids["Edema"][0] = "Edema-5"
    assert inputs(sample=listing(ids, tmp_path)) != before


def test_a_suite_names_a_list_beside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = listing(three_of_each(), tmp_path)
    (tmp_path / "mine.yaml").write_text("tasks: {retrieval: {sample: list.json}}")
    monkeypatch.chdir("/")
    suite = load_suite(str(tmp_path / "mine.yaml"))
    assert suite.tasks["retrieval"].sample == wanted
    (tmp_path / "mine.yaml").write_text("tasks: {retrieval: {sample: lost.json}}")
    with pytest.raises(InputError, match=r"lost\.json can't be read as JSON"):
        load_suite(str(tmp_path / "mine.yaml"))
    (tmp_path / "mine.yaml").write_text("tasks: {retrieval: {sample: 3}}")
    with pytest.raises(InputError, match="sample"):
        load_suite(str(tmp_path / "mine.yaml"))


def test_a_list_is_exported_and_evaluated_on_by_command_line(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE)
    path = tmp_path / "new" / "list.json"
    wanted = ("--per-class", "3", "--seed", "4", "--out", str(path))
    shown = runner.invoke(app, ["data", "five-by-200", *OPTIONS, *wanted])
    assert shown.exit_code == 0, shown.output
    digest = read_list(path).digest
    assert f"list {digest[:8]}" in shown.stdout
    assert str(path) in shown.stderr
    assert "test: 5x3, exclusive-of-13,frontal, seed 4" in shown.stdout
    described = json.loads(runner.invoke(app, ["data", "five-by-200", *OPTIONS, *wanted, "--json"]).stdout)
    corpus = load(train=20, validate=0, test=600, retrieval=0)
    assert (described["corpus"], described["split"], described["digest"]) == (corpus.identity, "test", digest)
    assert [row["drawn"] for row in described["classes"].values()] == [3] * 5
    assert [study.study_id for study in drawn_sample(corpus, "test", 3, 4).studies] == [*read_list(path).study_ids]

    evaluate = ["eval", "--model", "fixed-template", "--suite", str(tmp_path / "suite.yaml"), *OPTIONS, "--json"]
    done = runner.invoke(app, [*evaluate, "--out", str(tmp_path / "run"), "--five-by-200", str(path)])
    assert done.exit_code == 0, done.output
    records = json.loads(done.stdout)
    assert {row["metric"]: row["n"] for row in records} == {"precision_at_k": 15, "chance_precision": 15}
    assert all(f"sample:5x3:list@{digest[:8]}" in row["signature"] for row in records)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the 5x200 list list.json can't be read as JSON"),
        ('{"Edema": ["a", "b"], "Atelectasis": ["c", "d"]}', "list.json: 4 studies are not in this corpus: c, d, a"),
        ('{"Edema": ["a", "a"], "Atelectasis": ["c", "d"]}', "list.json: 1 studies are listed twice: a"),
    ],
)
def test_a_wrong_list_is_refused_before_anything_is_evaluated(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "list.json").write_text(content)
    (tmp_path / "suite.yaml").write_text(SUITE)
    arguments = ["eval", "--model", "fixed-template", "--suite", str(tmp_path / "suite.yaml"), *OPTIONS]
    done = runner.invoke(
        app, [*arguments, "--out", str(tmp_path / "run"), "--five-by-200", str(tmp_path / "list.json")]
    )
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)
    assert not (tmp_path / "run").exists()


def test_a_list_without_retrieval_is_refused(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text("tasks: {report_generation: {}}")
    arguments = ["eval", "--suite", str(tmp_path / "suite.yaml"), *OPTIONS, "--five-by-200", "list.json"]
    done = runner.invoke(app, arguments)
    assert "suite suite has no task retrieval" in str(done.exception)
