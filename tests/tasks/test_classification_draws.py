"""Several draws of each share: what is trained on what, what is left out by name, and what the signature says."""

import numpy as np
import pytest
import torch
from torch import nn

from rrgbench.data.phantom import load
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite, load_suite


class Pooled(nn.Module):
    """Sixteen means of the film, times a weight that can be tuned."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(16))
        self.seen = 0

    def forward(self, films):
        self.seen += len(films)
        return nn.functional.avg_pool2d(films.float().unsqueeze(1) / 255, 8).flatten(1) * self.weight


class Backbone:
    name, image_size, identity = "means", 32, "means@1"

    def __init__(self):
        self.backbone = Pooled()


@pytest.fixture(scope="module")
def corpus():
    return load(train=300, validate=2, test=120, retrieval=2)


def evaluated(corpus, folder, model=None, **parameters):
    tasks = {"classification": {"settings": ("linear",), "fractions": (0.05, 1.0), **parameters}}
    suite = Suite(name="draws", replicates=50, trivial=(), tasks=tasks)
    return evaluate(model or Backbone(), corpus, suite, folder).records


def means(records, metric="auroc"):
    return {(r.setting, r.fraction): r for r in records if r.metric == metric and r.observation is None}


def test_an_observation_without_a_positive_is_named_and_is_not_one_half(corpus, tmp_path):
    records = evaluated(corpus, tmp_path, fractions=(0.02, 1.0), draws=3)
    few, whole = means(records)["linear", 0.02], means(records)["linear", 1.0]
    assert "no positive in" in few.reason
    assert "of 3 draws" in few.reason
    assert "|draws:3|" in few.signature
    assert "|draws:1|" in whole.signature, "the whole split is one draw"
    lacking = [r for r in records if r.observation and r.reason and "no positive in 3 of 3 draws" in r.reason]
    assert lacking
    assert all(r.value is None for r in lacking)
    scatter = means(records, "auroc_deviation")
    assert set(scatter) == {("linear", 0.02)}
    assert scatter["linear", 0.02].value > 0


def test_each_draw_counts_once(corpus, tmp_path):
    """The mean over draws is the mean of runs with one draw each, by the seeds that follow."""
    together = means(evaluated(corpus, tmp_path / "all", draws=3))["linear", 0.05].value
    single = [means(evaluated(corpus, tmp_path / str(s), draws=1, seed=s))["linear", 0.05].value for s in range(3)]
    assert together == pytest.approx(np.mean(single))
    assert len(set(single)) == 3


def test_features_of_linear_probes_are_read_once(corpus, tmp_path):
    model = Backbone()
    evaluated(corpus, tmp_path, model, draws=4)
    assert model.backbone.seen == 2 + 300 + 120, "two films are tried first"


def test_stratified_draws_and_the_mean_of_five_are_said(corpus, tmp_path):
    records = evaluated(corpus, tmp_path, draws=2, stratified=True, mean_over="five")
    few = means(records)["linear", 0.05]
    assert "|share:stratified" in few.signature
    assert "|mean:five-observations" in few.signature
    five = [r.value for r in records if r.fraction == 0.05 and r.observation in (
        "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")]  # fmt: skip
    assert few.value == pytest.approx(np.mean(five))
    assert few.reason is None, "each observation has a positive in each draw"


def test_fine_tuning_has_draws_of_its_own(corpus, tmp_path):
    records = evaluated(
        corpus, tmp_path, settings=("finetune",), draws=5, tuned_draws=2, steps=2, fewest_steps=2
    )  # fmt: skip
    found = means(records)
    assert all("|draws:2|" in found["finetune", share].signature for share in (0.05, 1.0))
    assert set(means(records, "auroc_deviation")) == set(found)


def test_the_suite_of_table_3_is_the_papers_protocol():
    suite = load_suite("table3")
    parameters = suite.tasks["classification"]
    assert (parameters.draws, parameters.tuned_draws, parameters.fractions) == (5, 5, (0.01, 0.1, 1.0))
    assert suite.trivial == ("random", "imagenet")
