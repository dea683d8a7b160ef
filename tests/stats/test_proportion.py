"""Wilson's interval is SciPy's."""

import pytest
from scipy.stats import binomtest

from rrgbench.stats.proportion import wilson


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (3, 10), (0, 50), (50, 50), (499, 1000), (7, 230_000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_it_is_scipys(hits, n, level):
    expected = binomtest(hits, n).proportion_ci(level, method="wilson")
    assert wilson(hits, n, level) == pytest.approx((expected.low, expected.high), rel=1e-12, abs=1e-15)
