"""Seeded splits by subject, for corpora that come without one.

A subject's place is a hash of (seed, subject): it depends on nothing else, so it is the same on every machine.
"""

import hashlib
from collections.abc import Iterable, Mapping

from rrgbench.errors import InputError


def hashed_fraction(key: str, seed: int) -> float:
    """Map a key to a number in [0, 1) that looks uniform and depends on (key, seed) only."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    # 53 bits: the most that a float holds exactly.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2.0**53


def split_subjects(subjects: Iterable[str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Deal subjects to splits in the given shares.

    Subjects are ordered by their hash and cut, so the shares are met to within one subject.

    Parameters
    ----------
    subjects : iterable of str
        Subjects; repeats are ignored.
    shares : mapping of str to float
        Share of each split, in the order they are cut; they sum to 1.
    seed : int
        Another seed gives another split.

    Returns
    -------
    dict of str to str
        Split of each subject.

    Raises
    ------
    InputError
        If the shares are negative or don't sum to 1.
    """
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1.0) > 1e-9:
        raise InputError(f"the shares of the splits must be at least 0 and sum to 1; given: {dict(shares)}")
    order = sorted(set(subjects), key=lambda subject: (hashed_fraction(subject, seed), subject))
    splits: dict[str, str] = {}
    start, reached = 0, 0.0
    for split, share in shares.items():
        reached += share
        stop = round(reached * len(order))
        splits.update(dict.fromkeys(order[start:stop], split))
        start = stop
    return splits
