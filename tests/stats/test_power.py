"""How many seeds and studies a design needs, where more studies do not always need less."""

import pytest

from rrgbench.stats.power import Design, Spread, fewest_studies, smallest_difference


def test_studies_that_suffice_are_found_where_many_more_would_not():
    """With three seeds the degrees of freedom fall as the studies grow, until the seeds alone decide."""
    spread = Spread(1.0, 1000.0)

    def shown(studies):
        return smallest_difference(spread, Design(3, studies))

    assert shown(3000) < shown(1000)
    assert shown(3000) < shown(100_000) < shown(1_000_000)
    found = fewest_studies(shown(3000), shown)
    assert found is not None
    assert found <= 3000
    assert shown(found) <= shown(3000) < shown(found - 1)
    assert fewest_studies(0.9 * min(shown(n) for n in (2000, 3000, 4000, 6000, 10_000)), shown) is None


@pytest.mark.parametrize("enough", [2, 3, 57, 58, 12_345, 1_000_000])
def test_of_what_only_falls_the_smallest_is_found(enough):
    assert fewest_studies(1.0, lambda studies: 1.0 if studies >= enough else 2.0) == enough
