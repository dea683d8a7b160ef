"""The shared retrieval index: exact, never the same subject, the same whatever the blocks, kept by digest."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from baselines.common import retrieval_index
from baselines.common.observation_network import best_thresholds
from baselines.common.retrieval_index import RetrievalIndex, build_index
from rrgbench.data.study import Study
from rrgbench.errors import InputError


class Means(nn.Module):
    """Films to the means of their four quarters, weighted; counts what it reads."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        self.read = 0

    def forward(self, films):
        self.read += len(films)
        return nn.functional.adaptive_avg_pool2d(films.float(), 2).flatten(1) * self.weight


def studies(count, per_subject=2):
    return [Study(f"study-{row}", f"subject-{row // per_subject}", "train") for row in range(count)]


def films(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)


def by_hand(index, queries, subjects, count):
    rows = []
    for query, subject in zip(queries, subjects, strict=True):
        cosines = [
            (-float(np.float32(one @ query) / np.linalg.norm(query)), row)
            for row, one in enumerate(index.features)
            if index.subjects[row] != subject
        ]
        rows.append([row for _, row in sorted(cosines)[:count]])
    return rows


@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_nearest_are_those_of_a_full_search_without_the_own_subject(count):
    rng = np.random.default_rng(1)
    index = RetrievalIndex(
        retrieval_index.unit(rng.normal(size=(30, 6)).astype(np.float32)),
        tuple(f"study-{row}" for row in range(30)),
        tuple(f"subject-{row // 3}" for row in range(30)),
        "",
    )
    subjects = [*index.subjects[:10], None, "from another split"]
    queries = np.concatenate([index.features[:10] * 7, rng.normal(size=(2, 6)).astype(np.float32)])
    found = index.nearest(queries, subjects, count)
    assert found.tolist() == by_hand(index, queries, subjects, count)
    # were the own subject allowed, each of the ten would find itself first
    assert index.nearest(queries[:10], [None] * 10, 1)[:, 0].tolist() == list(range(10))


def test_equal_films_come_in_the_order_of_the_split(monkeypatch):
    same = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (40, 1))
    index = RetrievalIndex(same, [f"study-{row}" for row in range(40)], [f"subject-{row}" for row in range(40)], "")
    whole = index.nearest(same, index.subjects, 3)
    assert whole[7].tolist() == [0, 1, 2]
    assert whole[1].tolist() == [0, 2, 3]
    monkeypatch.setattr(retrieval_index, "_BLOCK", 7)
    assert np.array_equal(index.nearest(same, index.subjects, 3), whole)


def test_too_few_studies_of_other_subjects_are_refused():
    index = RetrievalIndex(np.eye(4, dtype=np.float32), list("abcd"), ["one", "one", "one", "two"], "")
    with pytest.raises(InputError, match=r"3 training studies of other subjects.*there are 1"):
        index.nearest(np.eye(4, dtype=np.float32), index.subjects, 3)


def test_built_once_and_anew_when_anything_changes(tmp_path):
    encoder, whose, pixels = Means(), studies(12), films(12)
    first = build_index(encoder, pixels, whose, tmp_path)
    assert encoder.read == 12
    assert build_index(encoder, pixels, whose) is first
    retrieval_index._NEWEST.clear()
    again = build_index(encoder, pixels, whose, tmp_path)
    assert encoder.read == 12, "features were computed twice"
    assert np.array_equal(first.features, again.features)
    assert first.digest == again.digest
    np.testing.assert_allclose(np.linalg.norm(first.features, axis=1), 1, rtol=1e-6)

    other = pixels.copy()
    other[5, 0, 0] ^= 1
    digests = {first.digest, build_index(encoder, other, whose, tmp_path).digest}
    renamed = [*whose[:-1], replace(whose[-1], subject_id="another")]
    digests.add(build_index(encoder, pixels, renamed, tmp_path).digest)
    with torch.no_grad():
        encoder.weight[0] += 1
    digests.add(build_index(encoder, pixels, whose, tmp_path).digest)
    assert len(digests) == 4


def test_thresholds_have_the_best_f1():
    rng = np.random.default_rng(2)
    positive = rng.random((60, 14)) < 0.3
    positive[:, 4] = False
    probabilities = (0.4 * positive + 0.6 * rng.random((60, 14))).round(1).astype(np.float32)
    found = best_thresholds(probabilities, positive)

    def f1(column, threshold):
        predicted = probabilities[:, column] >= threshold
        return 2 * (predicted & positive[:, column]).sum() / (predicted.sum() + positive[:, column].sum())

    assert found[4] == 1
    for column in [*range(4), *range(5, 14)]:
        best = max(f1(column, threshold) for threshold in np.linspace(0, 1, 101))
        assert f1(column, found[column]) == pytest.approx(best)


def test_what_is_never_predicted_is_never_found():
    probabilities = np.zeros((6, 14), dtype=np.float32)
    probabilities[:3, 1] = 0.2
    positive = np.tile(np.arange(6)[:, None] < 3, 14)
    assert ((probabilities >= best_thresholds(probabilities, positive)).sum(axis=0) == [0, 3, *[0] * 12]).all()
