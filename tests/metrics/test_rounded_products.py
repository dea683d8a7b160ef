import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.metrics import precision_at_k as scorer
from rrgbench.metrics import rounded_products as module
from rrgbench.metrics.precision_at_k import precision_at_k
from rrgbench.metrics.rounded_products import RoundedProducts, rounded_products


def whole_numbers(generator: np.random.Generator, rows: int, most: int = 300) -> np.ndarray:
    """Float32 sums of their products are exact in any order, while bfloat16 rounds those above 256."""
    return generator.integers(-most, most + 1, (rows, 48)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(700, 2500), st.integers(1, 10), st.integers(0, 10_000), st.booleans())
def test_nearest_equals_a_stable_sort_of_exact_products(queries, candidates, k, seed, twins) -> None:
    generator = np.random.default_rng(seed)
    left, right = whole_numbers(generator, queries), whole_numbers(generator, candidates)
    if twins:
        right[generator.integers(0, candidates, candidates // 10)] = right[0]
        right[1::7] = right[::7][: len(right[1::7])]
    expected = np.argsort(-(left @ right.T), axis=1, kind="stable")[:, :k]
    found = RoundedProducts(left, right).nearest(0, queries, k)
    if found is None:
        assert twins
    else:
        assert (found == expected).all()


def test_rounding_alone_would_change_the_order() -> None:
    generator = np.random.default_rng(0)
    left, right = whole_numbers(generator, 40), whole_numbers(generator, 2000)
    products = RoundedProducts(left, right)
    rounded = np.argsort(-products.multiply(0, 40).float().numpy(), axis=1, kind="stable")[:, :10]
    assert (rounded != products.nearest(0, 40, 10)).any()


def test_rounded_values_lie_within_the_bound() -> None:
    generator = np.random.default_rng(0)
    left, right = (generator.normal(size=(rows, 512)).astype(np.float32) for rows in (50, 800))
    products = RoundedProducts(left, right)
    exact = left.astype(np.float64) @ right.T.astype(np.float64)
    off = np.abs(products.multiply(0, 50).double().numpy() - exact)
    assert (off <= products._error[:, None] + np.abs(exact) * 2 * module._ROUNDING).all()
    assert off.max() > 0.01


@pytest.mark.parametrize("kind", ["all alike", "none positive", "few candidates", "huge"])
def test_what_rounded_values_cannot_tell_is_left_to_exact_ones(kind: str) -> None:
    generator = np.random.default_rng(0)
    left, right = whole_numbers(generator, 5), whole_numbers(generator, 1000)
    if kind == "all alike":
        left, right = np.abs(left), np.abs(right[:1].repeat(1000, axis=0))
    elif kind == "none positive":
        left, right = np.abs(left), -np.abs(right)
    elif kind == "few candidates":
        right = right[:300]
    else:
        left, right = left * np.float32(1e30), right * np.float32(1e30)
    assert RoundedProducts(left, right).nearest(0, 5, 10) is None


@pytest.mark.parametrize("alike", [False, True])
def test_precision_is_the_same_with_rounded_products(alike: bool, monkeypatch) -> None:
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(2500, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if alike:
        vectors[600:1500] = vectors[500]
    classes = generator.integers(0, 5, 2500)
    arguments = vectors[:500], vectors[500:], classes[:500], classes[500:]
    monkeypatch.setattr(scorer, "_BLOCK_CELLS", 40_000)
    values = []
    for maker in (RoundedProducts, lambda *_: None):
        monkeypatch.setattr(scorer, "rounded_products", maker)
        values.append(precision_at_k(*arguments))
    assert (values[0] == values[1]).all()


def test_the_quicker_way_is_taken(monkeypatch) -> None:
    vectors = np.ones((4, 3), dtype=np.float32)
    for times, taken in (([2.0, 1.0], True), ([1.0, 2.0], False)):
        monkeypatch.setattr(module, "_seconds", lambda _, times=times: times.pop(0))
        assert (rounded_products(vectors, vectors) is not None) == taken
    assert rounded_products(vectors.astype(np.float64), vectors) is None
    monkeypatch.delitem(sys.modules, torch.__name__)
    assert rounded_products(vectors, vectors) is None
