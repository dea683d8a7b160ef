"""Your own corpus as JSON Lines."""

import json
from pathlib import Path

import pytest
from miniature import jsonl, write_film

from rrgbench.data.films.stream import load_films
from rrgbench.data.readers.jsonl import load
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS, UNMENTIONED


def test_everything_a_line_says_is_kept(tmp_path: Path) -> None:
    corpus = load(jsonl(tmp_path))
    study = next(study for study in corpus if study.study_id == "study-1")
    assert study.report == "A report\u2028of study 1."
    assert study.subject_id == "subject-0"
    assert study.images[0].view == "AP"
    assert study.labels is not None
    labels = dict(zip(OBSERVATIONS, study.labels.tolist(), strict=True))
    assert (labels["Edema"], labels["Pneumonia"], labels["Fracture"], labels["Atelectasis"]) == (1, -1, -2, UNMENTIONED)
    assert study.labels_source == "film"
    assert corpus.labelled_observations == ("Edema", "Pneumonia", "Fracture")
    assert corpus.license_note == "CC BY"
    assert next(study for study in corpus if study.study_id == "study-0").labels is None
    assert load_films(corpus.studies, 8).shape == (20, 8, 8)


def test_the_split_is_seeded_and_never_parts_a_subject(tmp_path: Path) -> None:
    root = jsonl(tmp_path, studies=100)
    corpus, other = load(root), load(root, seed=1)
    assert {split: len(corpus.split(split)) for split in corpus.splits} == {"train": 70, "validate": 10, "test": 20}
    assert [study.split for study in corpus] == [study.split for study in load(root)]
    assert [study.split for study in corpus] != [study.split for study in other]
    assert corpus.digest != other.digest


def _write(root: Path, *entries: object) -> Path:
    (root / "studies.jsonl").write_text("\n".join(json.dumps(entry) for entry in entries))
    return root


def test_given_splits_are_kept_under_one_name(tmp_path: Path) -> None:
    entries = [
        {"study_id": name, "subject_id": name, "split": split, "report": "Clear."}
        for name, split in (("a", "train"), ("b", "val"), ("c", "Validation"), ("d", "test"))
    ]
    corpus = load(_write(tmp_path, *entries))
    assert [study.split for study in corpus] == ["train", "validate", "validate", "test"]
    assert corpus.labelled_observations == OBSERVATIONS


def test_a_label_that_is_null_everywhere_is_no_label(tmp_path: Path) -> None:
    """As a table of which two columns were filled is written."""
    labels = {**dict.fromkeys(OBSERVATIONS), "Edema": 1, "Cardiomegaly": 0}
    entries = [
        {"study_id": f"s{row}", "subject_id": f"p{row}", "report": "Clear.", "labels": labels} for row in range(6)
    ]
    assert load(_write(tmp_path, *entries)).labelled_observations == ("Cardiomegaly", "Edema")


def test_blank_reports_are_no_reports_to_choose_from(tmp_path: Path) -> None:
    texts = ["", " ", "Clear.", "Small effusion."]
    entries = [
        {"study_id": f"s{row}", "subject_id": f"p{row}", "split": "train", "report": text}
        for row, text in enumerate(texts)
    ]
    assert [study.report for study in load(_write(tmp_path, *entries)).reports("train")] == texts[2:]


def test_frontal_films_come_first_and_numbers_are_ids(tmp_path: Path) -> None:
    root = jsonl(tmp_path)
    entry = {"study_id": 7, "subject_id": 8, "images": ["images/0.png", "images/1.png"], "view": ["LATERAL", "PA"]}
    study = load(_write(root, entry)).studies[0]
    assert (study.study_id, study.subject_id) == ("7", "8")
    assert [film.view for film in study.images] == ["PA", "LATERAL"]


def test_one_path_is_a_list_of_one(tmp_path: Path) -> None:
    root = jsonl(tmp_path)
    (study,) = load(_write(root, {"study_id": "a", "subject_id": "b", "images": "images/0.png", "view": "PA"})).studies
    assert [(film.path.name, film.view) for film in study.images] == [("0.png", "PA")]


GOOD = {"study_id": "a", "subject_id": "a"}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((), "holds no studies"),
        (([1],), "line 1 is not an object"),
        ((GOOD, {"study_id": "b"}), "line 2: subject_id must be"),
        (({**GOOD, "study_id": " "},), "line 1: study_id must be"),
        (({**GOOD, "study_id": "a\nb"},), "line 1: study_id must be a text of 1 to 200 printable characters"),
        (({**GOOD, "images": ["9" * 300 + ".png"]},), "1 of 1 listed films are absent"),
        (({**GOOD, "report": 3},), "line 1: report must be"),
        (({**GOOD, "images": 5},), "line 1: images must be a list"),
        (({**GOOD, "images": "x.png"},), r"1 of 1 listed films are absent or empty: x\.png"),
        (({**GOOD, "images": "../x.png"},), "line 1: images must be a list of paths inside"),
        (({**GOOD, "images": ["../x.png"]},), "line 1: images must be a list of paths inside"),
        (({**GOOD, "images": ["/x.png"]},), "line 1: images must be a list of paths inside"),
        (({**GOOD, "images": ["x.png"], "view": ["PA", "AP"]},), "line 1: view must be"),
        (({**GOOD, "images": ["x.png"]},), r"1 of 1 listed films are absent or empty: x\.png"),
        (({**GOOD, "sections": {"history": 1}},), "line 1: sections must be"),
        (({**GOOD, "labels": [1]},), "line 1: labels must be"),
        (({**GOOD, "labels": {"Heart": 1}},), "study a has a label that is not one of the 14"),
        (({**GOOD, "labels": {"Edema": 0.5}},), "study a has a label that is not 1, 0, -1 or null"),
        (({**GOOD, "labels": {"Edema": True}},), "study a has a label that is not 1, 0, -1 or null"),
        (({**GOOD, "split": "train"}, {**GOOD, "study_id": "b"}), "1 studies have no split while others have: b"),
        (({**GOOD, "split": "holdout"},), "is in split 'holdout'"),
        ((GOOD, GOOD), "1 study ids occur twice: a"),
        (({**GOOD, "split": "train"}, {**GOOD, "study_id": "b", "split": "test"}), "in two splits: b"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, entries: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(_write(tmp_path, *entries))
    assert "\n" not in str(caught.value)


def test_text_that_is_no_json_or_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "studies.jsonl"
    for content, message in (
        (b"{", "line 1 is not JSON"),
        (b'{"study_id": "a", "study_id": "b"}', "line 1 is not JSON .'study_id' stands twice"),
        (b'{"study_id": "a", "report": "Clear \\ud800."}', r"line 1 is not JSON .the escape .ud800 is half"),
        (b'{"study_id": "a"}\n\xff', "line 2 is not UTF-8"),
        (b"[" * 100000, "line 1 is not JSON"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            load(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"no studies\.jsonl"):
        load(tmp_path)


def test_bad_films_are_skipped_and_their_reports_stay(tmp_path: Path) -> None:
    root = jsonl(tmp_path)
    (root / "images" / "3.png").write_bytes(b"broken")
    corpus = load(root, skip_bad_images=True)
    assert corpus.name == "jsonl-skip1"
    assert len(corpus) == 20
    study = next(study for study in corpus if study.study_id == "study-3")
    assert study.images == ()
    assert study.report


def test_the_real_pairs_are_read(shared: Path) -> None:
    corpus = load(shared / "covid_cxr")
    assert len(corpus) == 218
    assert sum(len(corpus.split(split)) for split in corpus.splits) == 218
    assert load_films(corpus.split("test"), 32).std() > 20


def test_dates_tell_the_prior_where_no_line_names_one(tmp_path: Path) -> None:
    studies = {study.study_id: study for study in load(jsonl(tmp_path))}
    later, earlier = studies["study-2"], studies["study-3"]
    assert (earlier.date, earlier.age, earlier.sex, earlier.prior) == ("2020-02-01", 43, "M", None)
    assert (later.date, later.age, later.sex, later.prior) == ("2020-03-01", 42, "M", earlier)
    assert studies["study-0"].sex == "F"


def test_a_line_may_name_its_prior(tmp_path: Path) -> None:
    ids = ("a", "b", "c", "d", "e")
    priors = (None, "c", 7, "b", None)
    entries = [
        {"study_id": name, "subject_id": "s", "report": "x", "prior": prior}
        for name, prior in zip(ids, priors, strict=True)
    ]
    entries += [{"study_id": 7, "subject_id": "s", "report": "x", "date": "2020-01-01"}]
    studies = {study.study_id: study for study in load(_write(tmp_path, *entries))}
    found = {name: study.prior and study.prior.study_id for name, study in studies.items()}
    assert found == {"a": None, "b": "c", "c": "7", "d": "b", "e": None, "7": None}
    assert studies["d"].prior.prior.prior.study_id == "7"


def test_the_prior_of_a_prior_that_is_left_out_stands_in(tmp_path: Path) -> None:
    films = [write_film(tmp_path / f"{number}.png") for number in range(3)]
    entries = [
        {"study_id": str(n), "subject_id": "s", "images": [film.name], "prior": str(n - 1) if n else None}
        for n, film in enumerate(films)
    ]
    films[1].unlink()
    studies = load(_write(tmp_path, *entries), skip_bad_images=True).studies
    assert [(study.study_id, study.prior and study.prior.study_id) for study in studies] == [("0", None), ("2", "0")]


OLD = {"study_id": "old", "subject_id": "s", "report": "x", "date": "2020-01-01"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"date": "2020-13-01"}, "line 2: date: expected a date like"),
        ({"date": 2020}, "line 2: date must be a text"),
        ({"age": 4.5}, "line 2: age must be a whole number of years from 0 to 120"),
        ({"age": 400}, "line 2: age must be"),
        ({"sex": "woman"}, "line 2: sex must be F or M"),
        ({"prior": True}, "line 2: prior must be the study_id"),
        ({"prior": "older"}, "the priors of 1 studies are not in the file: studies new"),
        ({"prior": "old", "subject_id": "t"}, "the priors of 1 studies are of another subject: studies new"),
        ({"prior": "old", "date": "2020-01-01"}, "the priors of 1 studies are not earlier: studies new"),
        ({"prior": "new"}, "study new is its own prior"),
        ({"view": "PA", "views": ["PA"]}, "line 2: views must be absent where there is a view"),
    ],
)
def test_a_history_that_can_not_be_is_named(tmp_path: Path, entry: dict[str, object], message: str) -> None:
    new = {"study_id": "new", "subject_id": "s", "report": "x"}
    with pytest.raises(InputError, match=message):
        load(_write(tmp_path, OLD, {**new, **entry}))


def test_a_circle_of_priors_is_named(tmp_path: Path) -> None:
    entries = [
        {"study_id": name, "subject_id": "s", "report": "x", "prior": prior} for name, prior in ("ab", "bc", "cb")
    ]
    with pytest.raises(InputError, match="study b is its own prior, directly or by way of others"):
        load(_write(tmp_path, *entries))


def test_the_list_of_views_may_be_called_views(tmp_path: Path) -> None:
    root = jsonl(tmp_path)
    entry = {"study_id": 7, "subject_id": 8, "images": ["images/0.png", "images/1.png"], "views": ["LATERAL", "PA"]}
    assert [film.view for film in load(_write(root, entry)).studies[0].images] == ["PA", "LATERAL"]


def test_keys_that_look_as_if_they_were_meant_to_be_read_are_told(tmp_path, caplog):
    rows = [
        {"study_id": name, "subject_id": name, "split": "test", "report": "Clear.", "doi": "10.1/x", **more}
        for name, more in (("a", {"indication": "Cough.", "imagess": []}), ("b", {"Sex ": "F", "Findings": "Clear."}))
    ]
    (tmp_path / "studies.jsonl").write_text("\n".join(map(json.dumps, rows)))
    load(tmp_path)
    (told,) = [record.getMessage() for record in caplog.records if "not read" in record.getMessage()]
    assert told == (
        "studies.jsonl has keys that are not read: Findings (a section: put it into sections); "
        "Sex  (did you mean sex?); imagess (did you mean images?); indication (a section: put it into sections)"
    )
    caplog.clear()
    (tmp_path / "studies.jsonl").write_text(json.dumps({**GOOD, "report": "Clear.", "doi": "x", "sections": {}}))
    load(tmp_path)
    assert "not read" not in caplog.text


def test_labels_that_are_null_in_every_line_are_none(tmp_path: Path) -> None:
    lines = [
        {"study_id": str(n), "subject_id": str(n), "report": "Edema.", "labels": {"Edema": None}} for n in range(4)
    ]
    assert [study.labels for study in load(_write(tmp_path, *lines))] == [None] * 4


def test_a_view_that_is_null_beside_a_list_is_absent(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_film(tmp_path / name, seed=1)
    line = {"study_id": "1", "subject_id": "1", "images": ["a.png", "b.png"], "view": None, "views": ["LATERAL", "PA"]}
    (study,) = load(_write(tmp_path, line)).studies
    assert [(film.path.name, film.view) for film in study.images] == [("b.png", "PA"), ("a.png", "LATERAL")]
    with pytest.raises(InputError, match="view"):
        load(_write(tmp_path, {**line, "views": ["PA"]}))


def test_a_view_of_no_known_name_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is taken for frontal, which a lateral film by another name is not."""
    views = ("PA", "Frontal", "unknown", "sideways", "left lateral", None)
    for number in range(len(views)):
        write_film(tmp_path / f"{number}.png")
    entries = [
        {"study_id": f"s{row}", "subject_id": f"p{row}", "images": f"{row}.png", "view": view}
        for row, view in enumerate(views)
    ]
    load(_write(tmp_path, *entries))
    assert "views that are not known and taken for frontal: 'sideways' (1 films)" in caplog.text


def test_a_path_outside_and_a_json_list_are_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"copy or link the films into it; given: '/films/1\.png'"):
        load(_write(tmp_path, {"study_id": "s", "subject_id": "p", "images": ["/films/1.png"]}))
    (tmp_path / "studies.jsonl").write_text('[{"study_id": "s", "subject_id": "p"},\n{"study_id": "t"}]')
    with pytest.raises(InputError, match="line 1 begins a JSON list; expected one object a line"):
        load(tmp_path)
