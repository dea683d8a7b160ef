"""How sure a share is: Wilson's score interval (Wilson, JASA 1927)."""

from math import sqrt
from statistics import NormalDist


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Both ends of the interval of a share.

    Parameters
    ----------
    hits, n : int
        Successes, of at least one trial.
    level : float
        Nominal coverage.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(3, 10)]
    [0.1078, 0.6032]
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle, half = hits + z**2 / 2, z * sqrt(hits * (n - hits) / n + z**2 / 4)
    # rounding must not lead out of what a share can be
    return max(0.0, (middle - half) / (n + z**2)), min(1.0, (middle + half) / (n + z**2))
