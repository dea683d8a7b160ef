"""What a model reads of a study, priors, and studies that may be compared."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from rrgbench.data.examination import Reads, examination, film_references
from rrgbench.data.priors import orders, with_priors
from rrgbench.data.study import Study, blank_labels
from rrgbench.errors import InputError
from rrgbench.models import image_batches, reads_of, takes_examinations


@dataclass(frozen=True)
class Plain:
    grey: int
    view: str = "PA"

    def load(self, size):
        return np.full((size, size), self.grey, dtype=np.uint8)


FIRST = Study("1", "p", "test", (Plain(10),), "Clear.", order=1, age=60, sex="F")
SECOND = Study(
    "2", "p", "test", (Plain(20), Plain(21, "LATERAL")), "Worse.", {"indication": "Cough.", "impression": "x"}, order=2,
    age=61, sex="F",
)  # fmt: skip


def as_read(study, reads):
    return examination(study, reads, [film.load(reads.size) for film in film_references(study, reads)])


def test_a_model_gets_what_it_asks_for_and_nothing_else():
    (_, study) = with_priors([FIRST, SECOND])
    bare = as_read(study, Reads(4))
    assert [film.pixels.tolist() for film in bare.films] == [[[20] * 4] * 4]
    assert (bare.sections, bare.prior, bare.report) == ({}, None, None)
    whole = as_read(study, Reads(4, "all", color=True, sections=("indication", "technique"), prior=True))
    assert [(film.view, film.pixels.shape, int(film.pixels.max())) for film in whole.films] == [
        ("PA", (4, 4, 3), 20),
        ("LATERAL", (4, 4, 3), 21),
    ]
    assert whole.sections == {"indication": "Cough."}
    assert (whole.report, whole.age, whole.sex) == (None, 61, "F")
    assert (whole.prior.study_id, whole.prior.report, whole.prior.age, whole.prior.prior) == ("1", "Clear.", 60, None)
    assert int(whole.prior.films[0].pixels.max()) == 10


def test_the_signature_says_what_was_read():
    assert Reads(224).signature == "frontal"
    assert Reads(224, "all", sections=("indication",), prior=True).signature == "all+indication+prior"


def test_what_is_to_be_written_can_not_be_read():
    with pytest.raises(InputError, match="impression"):
        Reads(224, sections=("indication", "impression"))
    with pytest.raises(InputError, match="sideways"):
        Reads(224, "sideways")


def test_priors_follow_the_order_of_each_subject_alone():
    other = Study("3", "q", "train", order=5)
    unknown = Study("4", "p", "test")
    linked = with_priors([SECOND, other, unknown, FIRST])
    assert [study.study_id for study in linked] == ["2", "3", "4", "1"]
    assert [study.prior and study.prior.study_id for study in linked] == ["1", None, None, None]
    third = replace(FIRST, study_id="5", order=3)
    chain = with_priors([third, FIRST, SECOND])[0]
    assert (chain.prior.study_id, chain.prior.prior.study_id, chain.prior.prior.prior) == ("2", "1", None)


def test_studies_are_equal_if_all_they_hold_is():
    labels = blank_labels()
    assert replace(FIRST, labels=labels) == replace(FIRST, labels=labels.copy())
    assert hash(replace(FIRST, labels=labels)) == hash(replace(FIRST, labels=labels.copy()))
    changed = labels.copy()
    changed[3] = 1
    assert replace(FIRST, labels=labels) != replace(FIRST, labels=changed)
    assert replace(FIRST, labels=labels) != FIRST
    assert FIRST != SECOND
    assert FIRST != "1"


class Named:
    name, identity = "named", "named@1"


def test_a_model_tells_what_it_reads():
    model = Named()
    with pytest.raises(InputError, match="named"):
        reads_of(model)
    model.image_size = 96
    assert (reads_of(model), takes_examinations(model)) == (Reads(96), False)
    (films,) = image_batches(model, [FIRST, SECOND])
    assert (films.shape, films[:, 0, 0].tolist()) == ((2, 96, 96), [10, 20])
    model.reads = Reads(224, "all")
    assert (reads_of(model), takes_examinations(model)) == (Reads(224, "all"), True)
    first, second = image_batches(model, [FIRST, SECOND], 1)
    assert [(one.study_id, len(one.films)) for one in (*first, *second)] == [("1", 1), ("2", 2)]


def test_a_prior_is_strictly_earlier():
    twin = replace(SECOND, study_id="6")
    third = replace(FIRST, study_id="5", order=3)
    linked = {
        study.study_id: study.prior and study.prior.study_id for study in with_priors([third, SECOND, twin, FIRST])
    }
    assert linked == {"1": None, "2": "1", "6": "1", "5": "6"}
    assert orders({"x": ("p", 3.0), "y": ("p", 1.0), "z": ("p", 3.0), "w": ("q", 9.0)}) == {
        "x": 1,
        "y": 0,
        "z": 1,
        "w": 0,
    }
