"""Intervals over subjects and AUROC within views, in a run."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.metrics.auroc_within import auroc_within
from rrgbench.models import load_model
from rrgbench.observations import POSITIVE
from rrgbench.scoring.options import scoring
from rrgbench.scoring.score import score
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

TASKS = {
    "report_generation": {},
    "clinical_efficacy": {},
    "classification": {"settings": ("own",)},
    "error_correlation": {},
    "subgroups": {},
}


@pytest.fixture(scope="module")
def corpus():
    """A phantom whose test subjects have four studies each."""
    plain = load(train=20, validate=2, test=24, retrieval=0)
    grouped, number = [], 0
    for study in plain.studies:
        if study.split == "test":
            study, number = replace(study, subject_id=f"test-{number // 4}"), number + 1
        grouped.append(study)
    return replace(plain, studies=tuple(grouped), digest="11" * 32)


def records(corpus, folder, resample):
    suite = Suite(name="few", replicates=50, trivial=(), resample=resample, tasks=TASKS)
    evaluate(load_model("nearest-neighbour"), corpus, suite, folder, False)
    return json.loads((folder / "results.json").read_text())


def test_what_a_resample_draws_is_in_every_signature(corpus, tmp_path):
    studies, subjects = (records(corpus, tmp_path / name, name) for name in ("studies", "subjects"))
    assert len(studies) == len(subjects)
    moved = 0
    for one, other in zip(studies, subjects, strict=True):
        assert one["value"] == other["value"]
        if one["signature"] and "bootstrap:" in one["signature"]:
            assert "-subjects" not in one["signature"]
            assert "-subjects" in other["signature"]
            moved += (one["low"], one["high"]) != (other["low"], other["high"])
    assert moved > 20
    tasks = {one["task"] for one, other in zip(studies, subjects, strict=True) if one["low"] != other["low"]}
    assert tasks == set(TASKS)


def test_areas_within_views_stand_beside_the_others(corpus, tmp_path):
    found = [one for one in records(corpus, tmp_path, "studies") if one["metric"] == "auroc_within_view"]
    views = {study.images[0].view for study in corpus.split("test")}
    if len(views) < 2:
        assert not found
        return
    assert len(found) == 15
    assert "within:" in found[0]["signature"]


def test_of_two_views_only_films_of_the_same_are_compared(corpus, tmp_path):
    class Turned:
        """A film of another view."""

        def __init__(self, film, view):
            self.film, self.view = film, view

        def load(self, size):
            return self.film.load(size)

    test = [study for study in corpus.studies if study.split == "test"]
    views = {study.study_id: ("PA", "AP")[place % 2] for place, study in enumerate(test)}
    turned = replace(corpus, digest="22" * 32, studies=tuple(
        replace(study, images=(Turned(study.images[0], views.get(study.study_id, "PA")),)) for study in corpus.studies
    ))  # fmt: skip
    found = [one for one in records(turned, tmp_path, "studies") if one["metric"] == "auroc_within_view"]
    model = load_model("nearest-neighbour")
    model.fit(turned)
    answers = model.predict_observations(np.stack([s.images[0].load(model.image_size) for s in turned.split("test")]))
    target = (np.stack([s.labels for s in turned.split("test")]) == POSITIVE).astype(int)
    known = np.stack([s.labels for s in turned.split("test")]) != -1
    groups = np.array([("AP", "PA").index(views[s.study_id]) for s in turned.split("test")])
    expected = auroc_within(answers.astype(float), target, known, groups)[0]
    values = {one["observation"]: one["value"] for one in found}
    assert "within:AP+PA" in found[0]["signature"]
    assert values[None] == pytest.approx(np.nanmean(expected))


def test_scores_take_subjects_too():
    references = {str(row): f"report {row} is long" for row in range(8)}
    written = dict.fromkeys(references, "report 1 is long")
    subjects = {key: "ab"[int(key) % 2] for key in references}
    plain, grouped = (
        score(references, written, metrics="bleu", replicates=50, subjects=who) for who in (None, subjects)
    )
    assert plain["bleu_1"].value == grouped["bleu_1"].value
    assert str(grouped["bleu_1"].signature).count("-subjects") == 1
    assert (plain["bleu_1"].low, plain["bleu_1"].high) != (grouped["bleu_1"].low, grouped["bleu_1"].high)
    with pytest.raises(InputError, match=r"subjects of 7 studies are not given"):
        score(references, written, metrics="bleu", replicates=50, subjects={"0": "a"})
    assert scoring().digest == scoring(subjects=None).digest
    assert scoring().digest != scoring(subjects=subjects).digest
