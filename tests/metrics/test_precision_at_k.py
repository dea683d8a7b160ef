import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.metrics import precision_at_k as module
from rrgbench.metrics.precision_at_k import nearest, precision_at_k, precision_at_k_of_similarity, similarities


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 700), st.integers(1, 10), st.integers(0, 10_000), st.booleans())
def test_nearest_equals_a_stable_full_sort(queries, candidates, k, seed, ties) -> None:
    similarity = np.random.default_rng(seed).normal(size=(queries, candidates)).astype(np.float32)
    if ties:
        similarity = np.round(similarity)
    k = min(k, candidates)
    expected = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    assert (nearest(similarity, k) == expected).all()


def test_blocks_do_not_change_the_values(monkeypatch) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(250, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    classes = generator.integers(0, 5, 250)
    whole = precision_at_k(vectors[:50], vectors[50:], classes[:50], classes[50:])
    similarity = precision_at_k_of_similarity(vectors[:50] @ vectors[50:].T, classes[:50], classes[50:])
    monkeypatch.setattr(module, "_BLOCK_CELLS", 1500)
    assert (precision_at_k(vectors[:50], vectors[50:], classes[:50], classes[50:]) == whole).all()
    assert (similarity == whole).all()
    assert 0.05 < whole.mean() < 0.4


def test_threads_do_not_change_the_values_and_leave_the_limit_of_others(monkeypatch) -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(900, 16)).astype(np.float32)
    classes = generator.integers(0, 5, 900)
    blas = [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    monkeypatch.setattr(module, "_BLOCK_CELLS", 20_000)
    by_threads = []
    for threads in (1, 3):
        monkeypatch.setattr(module, "_threads", lambda shape, threads=threads: threads)
        by_threads.append(precision_at_k(vectors[:200], vectors[200:], classes[:200], classes[200:]))
    assert (by_threads[0] == by_threads[1]).all()
    assert blas == [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def test_an_error_in_a_thread_is_raised(monkeypatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_CELLS", 100)
    monkeypatch.setattr(module, "_threads", lambda shape: 2)
    with pytest.raises(ValueError, match="broadcast"):
        precision_at_k(np.ones((40, 3)), np.ones((40, 3)), np.zeros(40, int), np.zeros((40, 0)), (1,))


def test_candidates_all_alike_keep_their_order() -> None:
    similarity = np.full((5, 3000), 0.25, dtype=np.float32)
    similarity[2, 1234] = 0.5
    expected = np.argsort(-similarity, axis=1, kind="stable")[:, :10]
    assert (nearest(similarity, 10) == expected).all()


def test_hand_counted() -> None:
    similarity = np.array([[0.9, 0.8, 0.1, 0.7], [0.5, 0.5, 0.5, 0.5]])
    values = precision_at_k_of_similarity(similarity, np.array([0, 1]), np.array([0, 1, 0, 0]), ks=(1, 2, 3, 4))
    np.testing.assert_allclose(values, [[1, 1 / 2, 2 / 3, 3 / 4], [0, 1 / 2, 1 / 3, 1 / 4]])


@pytest.mark.parametrize(
    ("queries", "candidates", "ks", "message"),
    [
        (np.full((2, 3), np.nan), np.ones((4, 3)), (1,), "2 query vectors hold NaN"),
        (np.ones((2, 3)), np.full((4, 3), np.inf), (1,), "4 candidate vectors"),
        (np.ones((2, 3)), np.ones((4, 2)), (1,), "dimensions"),
        (np.ones((2, 3)), np.ones((4, 3)), (5,), "expected 1 to 4"),
        (np.ones((2, 3)), np.ones((4, 3)), (), "not given"),
    ],
)
def test_wrong_input(queries, candidates, ks, message) -> None:
    with pytest.raises(InputError, match=message):
        precision_at_k(queries, candidates, np.zeros(2, int), np.zeros(4, int), ks)


def test_classes_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="but 1 and 3 classes"):
        precision_at_k(np.ones((2, 3)), np.ones((4, 3)), np.zeros(1, int), np.zeros(3, int), (1,))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 1000))
def test_equal_candidates_are_equally_similar_whatever_stands_beside_them(queries, different, seed) -> None:
    generator = np.random.default_rng(seed)
    films = generator.standard_normal((queries, 200)).astype(np.float32)
    texts = generator.standard_normal((different, 200)).astype(np.float32)[generator.integers(0, different, 90)]
    found = similarities(films, texts)
    for column, text in enumerate(texts):
        same = (texts == text).all(axis=1)
        assert (found[:, same] == found[:, [column]]).all()
    np.testing.assert_allclose(found, films @ texts.T, atol=1e-4)
    classes = generator.integers(0, 2, queries), generator.integers(0, 2, 90)
    alone = [precision_at_k(films[[row]], texts, classes[0][[row]], classes[1], (1, 5))[0] for row in range(queries)]
    np.testing.assert_array_equal(precision_at_k(films, texts, *classes, (1, 5)), alone)
