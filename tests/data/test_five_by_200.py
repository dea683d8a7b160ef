"""The 5x200 sampler."""

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.data.five_by_200 import FiveBy200, exclusive, read_list, read_sample, sample, write_sample
from rrgbench.data.study import Study, blank_labels
from rrgbench.errors import InputError
from rrgbench.observations import COMPETITION_OBSERVATIONS, OBSERVATIONS, observation_index

COLUMNS = [observation_index(name) for name in COMPETITION_OBSERVATIONS]


def study(name: str, **values: int) -> Study:
    labels = blank_labels()
    for observation, value in values.items():
        labels[observation_index(observation.replace("_", " "))] = value
    return Study(name, name, "test", labels=labels)


class Film(NamedTuple):
    view: str

    def load(self, size: int) -> np.ndarray:
        return np.zeros((size, size), np.uint8)


def with_label(one: Study, observation: str, value: int) -> np.ndarray:
    assert one.labels is not None
    labels = one.labels.copy()
    labels[observation_index(observation)] = value
    return labels


def corpus(counts: tuple[int, ...]) -> list[Study]:
    return [
        study(f"{name}-{number}", **{name.replace(" ", "_"): 1})
        for name, count in zip(COMPETITION_OBSERVATIONS, counts, strict=True)
        for number in range(count)
    ]


def check(drawn: FiveBy200) -> None:
    assert len(drawn.studies) == len(drawn.classes) == len({item.study_id for item in drawn.studies})
    kept = [name for name in COMPETITION_OBSERVATIONS if name not in drawn.left_out]
    assert len(drawn.studies) == drawn.per_class * len(kept)
    for item, position in zip(drawn.studies, drawn.classes, strict=True):
        assert item.labels is not None
        five = item.labels[COLUMNS]
        assert five[position] == 1
        assert ((five == 1) | (five == -1)).sum() == 1
        assert np.isin(item.labels, (1, -1)).sum() == 1
    counts = np.bincount(drawn.classes, minlength=5)
    assert set(counts[counts > 0].tolist()) == {drawn.per_class}


def test_a_large_corpus_gives_200_of_each() -> None:
    drawn = sample(corpus((250, 201, 200, 300, 260)))
    check(drawn)
    assert drawn.per_class == 200
    assert drawn.signature == "5x200"


def test_a_small_corpus_shrinks_all_classes_and_leaves_out_by_name() -> None:
    drawn = sample(corpus((7, 9, 1, 5, 40)), seed=3)
    check(drawn)
    assert drawn.left_out == ("Consolidation",)
    assert drawn.signature == "4x5-Consolidation,seed3"


def test_positive_or_uncertain_for_another_of_the_five_is_no_candidate() -> None:
    studies = [
        study("alone", Edema=1, Pneumonia=1, Cardiomegaly=0),
        study("two", Edema=1, Cardiomegaly=1),
        study("uncertain", Edema=1, Atelectasis=-1),
        study("only-uncertain", Edema=-1),
        study("none", Pneumonia=1),
    ]
    groups = exclusive(studies, "five")
    assert [[item.study_id for item in group] for group in groups] == [[], [], [], ["alone"], []]
    assert exclusive(studies) == exclusive([]) == [[], [], [], [], []]


def test_as_published_all_13_others_are_absent_and_the_film_is_frontal() -> None:
    """GLoRIA: positive for one, 0 (blank or negative) for every other, uncertain for none; frontal films."""
    bare = corpus((4, 4, 4, 4, 4))
    noted = [
        replace(one, study_id=f"{one.study_id}-{name}", labels=with_label(one, name, value))
        for one in bare
        for name, value in (("Support Devices", 1), ("Fracture", -1), ("Lung Lesion", 0))
    ]
    assert {one.study_id.split("-")[-1] for group in exclusive(noted) for one in group} == {"Lung Lesion"}
    assert len([one for group in exclusive(noted, "five") for one in group]) == len(noted)

    def films(*views: str) -> tuple[Film, ...]:
        return tuple(map(Film, views))

    views = {"0": films("LATERAL"), "1": films("AP", "LATERAL"), "2": films(""), "3": ()}
    viewed = [replace(one, images=views[one.study_id[-1]]) for one in bare]
    drawn = sample(viewed)
    assert (drawn.per_class, drawn.rule) == (3, "exclusive-of-13,frontal")
    assert not any(one.study_id.endswith("-0") for one in drawn.studies)
    old = sample([*noted, *viewed], over="five", frontal=False)
    assert (old.per_class, old.rule) == (16, "exclusive-of-4")


def test_a_list_says_which_rule_all_of_it_follows(tmp_path: Path) -> None:
    bare = corpus((4, 4, 4, 4, 4))
    write_sample(sample(bare), tmp_path / "list.json")
    assert read_sample(tmp_path / "list.json", bare).rule == "exclusive-of-13,frontal"
    bare[0] = replace(bare[0], labels=with_label(bare[0], "Fracture", 1), images=(Film("LATERAL"),))
    assert read_sample(tmp_path / "list.json", bare).rule == "exclusive-of-4"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(30, 120), per_class=st.integers(2, 30))
def test_samples_are_valid_nested_and_blind_to_order(seed: int, rows: int, per_class: int) -> None:
    rng = np.random.default_rng(seed)
    studies = [
        Study(
            f"s{row}", f"s{row}", "test", labels=rng.choice([-2, -1, 0, 1], len(OBSERVATIONS), p=(0.5, 0.1, 0.2, 0.2))
        )
        for row in range(rows)
    ]
    if sum(len(group) >= 2 for group in exclusive(studies)) < 2:
        with pytest.raises(InputError, match="two observations"):
            sample(studies, per_class, seed)
        return
    drawn = sample(studies, per_class, seed)
    check(drawn)
    shuffled = sample([studies[row] for row in rng.permutation(rows)], per_class, seed)
    assert [item.study_id for item in shuffled.studies] == [item.study_id for item in drawn.studies]
    smaller = sample(studies, 2, seed)
    assert {item.study_id for item in smaller.studies} <= {item.study_id for item in drawn.studies}


def test_another_seed_draws_others() -> None:
    studies = corpus((50, 50, 50, 50, 50))
    draws = {tuple(item.study_id for item in sample(studies, 10, seed).studies) for seed in range(5)}
    assert len(draws) == 5


def test_too_little_is_refused_with_the_counts() -> None:
    with pytest.raises(InputError, match="Atelectasis 9, Cardiomegaly 1, Consolidation 0, Edema 0, Pleural Effusion 0"):
        sample(corpus((9, 1, 0, 0, 0)))
    with pytest.raises(InputError, match="at least 2 studies per class; given: 1"):
        sample(corpus((9, 9, 9, 9, 9)), per_class=1)
    with pytest.raises(InputError, match="1 studies have no labels: bare"):
        sample([*corpus((9, 9, 9, 9, 9)), Study("bare", "bare", "test")])


def test_a_sample_is_exported_and_imported(tmp_path: Path) -> None:
    studies = corpus((7, 9, 1, 5, 40))
    drawn = sample(studies, seed=5)
    write_sample(drawn, tmp_path / "list.json")
    again = read_sample(tmp_path / "list.json", studies)
    assert [item.study_id for item in again.studies] == [item.study_id for item in drawn.studies]
    np.testing.assert_array_equal(again.classes, drawn.classes)
    digest = read_list(tmp_path / "list.json").digest
    assert again.signature == f"4x5-Consolidation:list@{digest[:8]}"


def test_the_digest_is_that_of_the_ids_and_not_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    written = write_sample(sample(corpus((3, 3, 3, 3, 3))), path)
    assert read_list(path) == written
    ids = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(ids.items()))))
    assert read_list(path).digest == written.digest
    ids["Edema"].reverse()
    path.write_text(json.dumps(ids))
    assert read_list(path).digest != written.digest


def test_what_is_not_usable_is_passed_over() -> None:
    studies = corpus((5, 5, 5, 5, 5))
    drawn = sample(studies, 4, usable=lambda study: not study.study_id.endswith("-0"))
    check(drawn)
    assert drawn.per_class == 4
    assert not any(item.study_id.endswith("-0") for item in drawn.studies)
    with pytest.raises(InputError, match="Atelectasis 1, Cardiomegaly 0, Consolidation 0, Edema 0, Pleural Effusion 0"):
        sample(studies, usable=lambda study: study.study_id == "Atelectasis-3")


def test_a_list_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises(InputError, match=r"list\.json can't be written"):
        write_sample(sample(corpus((3, 3, 3, 3, 3))), tmp_path / "folder" / "list.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "can't be read as JSON"),
        ("[]", "expected an object from"),
        ('{"Heart": ["a", "b"]}', "expected an object from"),
        ('{"Edema": ["Edema-0", "Edema-1"]}', "two observations or more"),
        ('{"Edema": ["Edema-0", "Edema-1"], "Atelectasis": ["Atelectasis-0"]}', "equally many"),
        ('{"Edema": ["Edema-0", "Edema-0"], "Atelectasis": ["Atelectasis-0", "Atelectasis-1"]}', "twice: Edema-0"),
        ('{"Edema": ["Edema-0", "x"], "Atelectasis": ["Atelectasis-0", "Atelectasis-1"]}', "not in this corpus: x"),
        (
            '{"Edema": ["Edema-0", "Atelectasis-2"], "Atelectasis": ["Atelectasis-0", "Atelectasis-1"]}',
            "not exclusively positive for their observation: Atelectasis-2",
        ),
    ],
)
def test_a_wrong_list_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(InputError, match=message):
        read_sample(tmp_path / "list.json", corpus((5, 5, 5, 5, 5)))


def test_as_published_all_thirteen_others_are_absent() -> None:
    devices = [study(f"device-{n}", Edema=1, Support_Devices=1) for n in range(3)]
    doubtful = [study(f"doubt-{n}", Edema=1, Fracture=-1) for n in range(3)]
    negative = [study(f"negative-{n}", Edema=1, Fracture=0, Support_Devices=0) for n in range(3)]
    studies = [*corpus((4, 4, 4, 2, 4)), *devices, *doubtful, *negative]
    edema = COMPETITION_OBSERVATIONS.index("Edema")
    assert len(exclusive(studies, "five")[edema]) - len(exclusive(studies, "all")[edema]) == 6
    drawn = sample(studies, 200, over="all")
    assert drawn.over == "all"
    names = {item.study_id for item in drawn.studies}
    assert not any(name.startswith(("device", "doubt")) for name in names)
    assert all((np.delete(item.labels, COLUMNS) <= 0).all() for item in drawn.studies if item.labels is not None)
