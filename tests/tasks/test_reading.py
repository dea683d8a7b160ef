"""What models are given by an evaluation, and what its signatures say of it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.models import Reads
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite


@dataclass(frozen=True)
class Grey:
    """A film of one grey that counts how often each is decoded, in this process."""

    grey: int
    view: str = "PA"
    decoded = []  # noqa: RUF012

    def load(self, size):
        self.decoded.append((self.grey, size))
        return np.full((size, size), self.grey, dtype=np.uint8)


@pytest.fixture
def corpus():
    drawn = load(train=4, validate=0, test=70, retrieval=0)
    Grey.decoded.clear()
    studies = [replace(study, images=(Grey(row), Grey(row + 100, "LATERAL"))) for row, study in enumerate(drawn)]
    prior = Study("before", "s", "test", (Grey(200),), "No edema.")
    return Corpus(
        "grey", "00" * 8, [replace(study, prior=prior, sections={"indication": "Cough."}) for study in studies]
    )


def suite(**tasks):
    return Suite(name="few", replicates=5, trivial=(), tasks=tasks)


class Reader:
    """Reads everything and writes down what it got."""

    name, identity = "reader", "reader@1"
    reads = Reads(4, "all", sections=("indication",), prior=True)

    def __init__(self):
        self.batches = []

    def generate_reports(self, images):
        self.batches.append(len(images))
        return [
            " ".join([*(str(film.pixels.max()) for film in one.films), one.sections["indication"], one.prior.report])
            for one in images
        ]

    def predict_observations(self, images):
        return np.array([[one.films[1].pixels.max() / 255] * 14 for one in images], dtype=np.float32)


def test_a_reader_of_studies_is_given_them_and_every_signature_says_so(corpus, tmp_path):
    model = Reader()
    tasks = suite(
        report_generation={}, clinical_efficacy={}, classification={"settings": ("own",)}, error_correlation={}
    )
    run = evaluate(model, corpus, tasks, tmp_path)
    (predictions,) = (tmp_path / "predictions").glob("reader*")
    lines = predictions.read_text().splitlines()
    assert '"4 104 Cough. No edema."' in lines[0]
    assert (len(lines), model.batches) == (70, [64, 6])
    signatures = [one.signature for one in run.records if one.value is not None and one.model == model.name]
    assert signatures
    assert all("|reads:all+indication+prior" in signature for signature in signatures)


class Small:
    """Reads one film."""

    name, identity, image_size = "small", "small@1", 8

    def generate_reports(self, images):
        return [f"{film.max()}" for film in images]

    def predict_observations(self, images):
        return np.array([[film.max() / 255] * 14 for film in images], dtype=np.float32)

    @property
    def backbone(self):
        from torch import nn

        return nn.Sequential(nn.Flatten(), Float())


def Float():  # noqa: N802
    from torch import nn

    class _Float(nn.Module):
        def forward(self, films):
            return films.float()

    return _Float()


def test_each_film_is_decoded_once_for_all_tasks(corpus, tmp_path):
    tasks = suite(
        report_generation={},
        classification={"settings": ("own", "linear"), "fractions": (0.5, 1.0)},
        error_correlation={},
    )
    run = evaluate(Small(), corpus, tasks, tmp_path)
    assert sorted(Grey.decoded) == [(row, 8) for row in range(74)]
    assert all("|reads:frontal" in record.signature for record in run.records if record.value is not None)


def test_a_probe_of_a_reader_of_studies_reads_one_film(corpus, tmp_path):
    class Probed(Reader):
        backbone = Small.backbone

    tasks = suite(classification={"settings": ("own", "linear"), "fractions": (1.0,)})
    run = evaluate(Probed(), corpus, tasks, tmp_path)
    read = {(r.setting, r.signature.split("|reads:")[1].split("|")[0]) for r in run.records if r.value is not None}
    assert read == {("own", "all+indication+prior"), ("linear", "frontal")}


def test_a_model_that_answers_for_too_few_is_named(corpus, tmp_path):
    class Short(Small):
        def predict_observations(self, images):
            return super().predict_observations(images)[1:]

    with pytest.raises(InputError, match=r"what small answers .* has the shape .69, .* for 70 studies"):
        evaluate(Short(), corpus, suite(classification={"settings": ("own",)}), tmp_path)
