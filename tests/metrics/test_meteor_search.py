"""The search in step against a plain one that does a pair at a time, word by word, as METEOR describes it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rrgbench.metrics.meteor import alignment
from rrgbench.metrics.meteor.alignment import BEAM, begin_alignment
from rrgbench.metrics.meteor.matching import Matches, Phrases, Side

KERNELS = [
    pytest.param(
        alignment.compiled, id="compiled", marks=pytest.mark.skipif(not alignment.compiled, reason="not built")
    ),
    pytest.param(None, id="numpy"),
]


def best_alignment(matches: Matches, side1: Side, side2: Side) -> NDArray[np.bool_]:
    with ThreadPoolExecutor(2) as threads:
        return begin_alignment(matches, side1, side2, threads.map)()


Match = tuple[int, int, int, int, int]
"""start2, length2, start1, length1, stage."""


@dataclass(frozen=True)
class Path:
    taken: tuple[int, ...] = ()
    words: int = 0
    chunks: int = 0
    distance: int = 0
    end1: int | None = None
    end2: int = 0
    used: frozenset[int] = frozenset()

    @property
    def rank(self) -> tuple[int, int, int]:
        return -self.words, self.chunks, self.distance


def gain(match: Match) -> int:
    _, length2, _, length1, stage = match
    return length1 + length2 if stage == 0 else length1 // 2 + length2 // 2


def take(path: Path, index: int, match: Match, distance: int) -> Path:
    start2, length2, start1, length1, _ = match
    return Path(
        (*path.taken, index),
        path.words + gain(match),
        path.chunks + (path.end1 is not None and path.end1 != start1),
        distance,
        start1 + length1,
        start2 + length2,
        path.used | set(range(start1, start1 + length1)),
    )


def search(matches: list[Match], words1: int, words2: int) -> set[int]:
    cover1, cover2 = [0] * words1, [0] * words2
    for start2, length2, start1, length1, _ in matches:
        for at in range(start1, start1 + length1):
            cover1[at] += 1
        for at in range(start2, start2 + length2):
            cover2[at] += 1
    fixed = {
        index
        for index, (start2, length2, start1, length1, _) in enumerate(matches)
        if max(cover1[start1 : start1 + length1]) == 1 and max(cover2[start2 : start2 + length2]) == 1
    }
    blocked = frozenset(at for index in fixed for at in range(matches[index][2], matches[index][2] + matches[index][3]))
    paths = [Path(used=blocked)]
    for current in range(words2):
        paths = sorted(paths, key=lambda path: path.rank)[:BEAM]
        starting = [index for index, match in enumerate(matches) if match[0] == current]
        following: list[Path] = []
        for path in paths:
            if current < path.end2:
                following.append(path)
                continue
            if starting and starting[0] in fixed:
                match = matches[starting[0]]
                following.append(take(path, starting[0], match, path.distance + abs(match[0] - match[2])))
                continue
            distance = path.distance
            for index in starting:
                start2, _, start1, length1, _ = matches[index]
                if path.used & set(range(start1, start1 + length1)):
                    continue
                following.append(take(path, index, matches[index], distance))
                distance += abs(start2 - start1)
            following.append(
                replace(path, chunks=path.chunks + (path.end1 is not None), end1=None, distance=distance, end2=current)
            )
        paths = following
    paths = sorted(paths, key=lambda path: path.rank)[:BEAM]
    paths = [replace(path, chunks=path.chunks + (path.end1 is not None)) for path in paths]
    return set(min(paths, key=lambda path: path.rank).taken)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[Match], int, int]:
    words1, words2 = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    matches = []
    for start2 in range(words2):
        for _ in range(draw(st.integers(0, 4))):
            start1 = draw(st.integers(0, words1 - 1))
            length1 = draw(st.integers(1, min(3, words1 - start1)))
            length2 = draw(st.integers(1, min(3, words2 - start2)))
            stage = draw(st.integers(0, 3)) if length1 == length2 == 1 else 3
            matches.append((start2, length2, start1, length1, stage))
    return matches, words1, words2


def side(lengths: list[int]) -> Side:
    empty = np.empty(0, dtype=np.int64)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    pair = np.repeat(np.arange(len(lengths)), lengths)
    return Side(offsets, np.zeros(len(pair), dtype=np.int64), pair, Phrases(empty, empty, empty, empty))


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled search, and NumPy's, which stands in for it."""
    monkeypatch.setattr(alignment, "compiled", request.param)


@pytest.mark.usefixtures("kernel")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(problems(), min_size=1, max_size=6))
def test_the_search_in_step_takes_the_same_matches(tasks: list[tuple[list[Match], int, int]]) -> None:
    side1, side2 = side([words1 for _, words1, _ in tasks]), side([words2 for _, _, words2 in tasks])
    rows = [
        (start2 + side2.offsets[task], length2, start1 + side1.offsets[task], length1, stage)
        for task, (matches, _, _) in enumerate(tasks)
        for start2, length2, start1, length1, stage in matches
    ]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    chosen = best_alignment(Matches(*columns), side1, side2)
    expected: list[bool] = []
    for matches, words1, words2 in tasks:
        taken = search(matches, words1, words2)
        expected += [index in taken for index in range(len(matches))]
    assert chosen.tolist() == expected


@pytest.mark.usefixtures("kernel")
def test_more_paths_than_the_beam_holds_are_cut_the_same_way() -> None:
    rng = np.random.default_rng(0)
    for words in (20, 70, 130):
        text1, text2 = rng.integers(0, 6, words), rng.integers(0, 6, words)
        matches = [(at2, 1, at1, 1, 0) for at2 in range(words) for at1 in range(words) if text1[at1] == text2[at2]]
        chosen = best_alignment(Matches(*np.array(matches).T), side([words]), side([words]))
        assert set(np.flatnonzero(chosen)) == search(matches, words, words)


@pytest.mark.skipif(not alignment.compiled, reason="not built")
def test_the_compiled_search_refuses_steps_and_matches_that_are_not_there() -> None:
    assert alignment.compiled is not None
    one, none = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    chosen, stretch = np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.bool_)
    of_steps = [one, one, one + 1, stretch, one, one]
    with pytest.raises(ValueError, match="matches that are not there"):
        alignment.compiled(one, one + 1, one, one, *of_steps, *[none] * 6, chosen, 40, 1, -1)
    with pytest.raises(ValueError, match="steps that are not there"):
        alignment.compiled(one, one + 2, one, one, *of_steps, *[none] * 6, chosen, 40, 1, -1)
