"""The trial of edits: every edited report is scored once by every metric, then harmful and harmless are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus
from rrgbench.data.study import SPLITS
from rrgbench.errors import InputError
from rrgbench.metrics.catalogue import Entry, entry, in_order
from rrgbench.registry import lookup
from rrgbench.scoring.options import Scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import Progress, score_pairs
from rrgbench.stats.bootstrap import intervals
from rrgbench.trials.edits.draft import Change, Draft, changed, draft_of
from rrgbench.trials.edits.edit import GRADES, Edit, chance_of, chosen

Floats = NDArray[np.float64]

SEVERAL: Final = "several"
"""Damage of several kinds: a report with one, two, three harmful edits of different kinds."""
ALL: Final = "all"
MONOTONE: Final = "monotone"
KENDALL: Final = "kendall"
_EQUAL: Final = 1e-12
"""Scores closer than this are tied; sums in another order differ in the last digits."""


@dataclass(frozen=True)
class Variant:
    """An edited report: of which study (by its place), by which edit, how many edits deep."""

    study: int
    edit: str
    grade: int
    text: str


@dataclass(frozen=True)
class Rate:
    """A share or a mean with its interval over studies, and how many studies it is of; NaN where there is none."""

    value: float
    low: float
    high: float
    studies: int


def variants_of(drafts: Sequence[Draft], edits: Sequence[Edit], seed: int = 0) -> list[Variant]:
    """All edited reports, and those with harmful edits of several kinds."""
    found = []
    for study, draft in enumerate(drafts):
        for edit in edits:
            texts = edit.variants(draft, seed)
            found += [Variant(study, edit.name, grade, text) for grade, text in enumerate(texts, start=1)]
        texts = _several(draft, edits, seed)
        found += [Variant(study, SEVERAL, grade, text) for grade, text in enumerate(texts, start=1)]
    return found


def _several(draft: Draft, edits: Sequence[Edit], seed: int) -> list[str]:
    """One, two, three harmful edits of different kinds, each in a sentence of its own."""
    chance = chance_of(SEVERAL, draft.study_id, seed)
    order = sorted((chance.number(), edit.name, edit) for edit in edits if edit.harmful and edit.changes is not None)
    picked: list[Change] = []
    for _, _, edit in order:
        assert edit.changes is not None  # those without are left out above
        taken = {change.place for change in picked if change.place is not None}
        free = [one for one in chosen(edit.changes(draft, chance), chance) if one.place not in taken]
        picked += free[:1]
    texts = [changed(draft, picked[:grade]) for grade in range(1, min(GRADES, len(picked)) + 1)]
    return texts if len(texts) > 1 and all(text.strip() for text in texts) else []


@dataclass(frozen=True, eq=False)
class EditTrial:
    """What a trial found.

    Attributes
    ----------
    corpus, split, protocol : str
        What was edited, and the protocol that the scores follow.
    generated : bool
        Whether the reports are the phantom's, which may be shown to anybody.
    drafts : tuple of Draft
        The reports, in order.
    edits : tuple of Edit
        Those tried.
    variants : tuple of Variant
        All edited reports.
    entries : tuple of Entry
        The metrics.
    scores : float64 array (variants, metrics)
        As the metrics give them.
    absent : mapping of str to str
        Metrics that could not be run, with the reason.
    signature : str
        How the scores were made.
    replicates, seed : int
        Of the intervals; the seed also draws the edits.
    """

    corpus: str
    split: str
    protocol: str
    generated: bool
    drafts: tuple[Draft, ...]
    edits: tuple[Edit, ...]
    variants: tuple[Variant, ...]
    entries: tuple[Entry, ...]
    scores: Floats
    absent: dict[str, str]
    signature: str
    replicates: int = 1000
    seed: int = 0

    @property
    def harmful(self) -> tuple[Edit, ...]:
        """The harmful edits."""
        return tuple(edit for edit in self.edits if edit.harmful)

    @cached_property
    def oriented(self) -> Floats:
        """The scores with the sign at which greater is better."""
        signs = [-1.0 if one.better == "lower" else 1.0 for one in self.entries]
        return np.asarray(self.scores * np.array(signs), dtype=np.float64)

    @cached_property
    def rows(self) -> dict[tuple[int, str], list[int]]:
        """Rows of the variants by study and edit, in order of grade."""
        found: dict[tuple[int, str], list[int]] = {}
        for row, variant in enumerate(self.variants):
            found.setdefault((variant.study, variant.edit), []).append(row)
        return found

    def studies_of(self, edit: str) -> int:
        """How many reports an edit applies to."""
        return sum(name == edit for _, name in self.rows)

    @cached_property
    def _below(self) -> tuple[Floats, Floats, Floats]:
        """By harmful variant and metric: the share of harmless edits of its report that score higher, ties as half.

        Beside it the share of ties, and by variant whether it is compared at all.
        """
        harmless = {edit.name for edit in self.edits if not edit.harmful}
        harmful = {edit.name for edit in self.harmful}
        shares, ties = np.full(self.scores.shape, np.nan), np.full(self.scores.shape, np.nan)
        beside = {
            study: [row for name in sorted(harmless) for row in self.rows.get((study, name), [])]
            for study in range(len(self.drafts))
        }
        for row, variant in enumerate(self.variants):
            others = beside[variant.study]
            if variant.edit not in harmful or not others:
                continue
            gap = self.oriented[others] - self.oriented[row]
            tied = np.abs(gap) <= _EQUAL
            ties[row] = tied.mean(axis=0)
            shares[row] = (gap > _EQUAL).mean(axis=0) + 0.5 * ties[row]
        return shares, ties, np.asarray(~np.isnan(shares[:, 0]), dtype=np.float64)

    @cached_property
    def _steps(self) -> tuple[Floats, Floats, Floats, Floats]:
        """By study and metric, over graded edits: steps to more damage that score lower (ties half), sums of signs.

        Each followed by how many there are, by study.
        """
        shape = (len(self.drafts), len(self.entries))
        lower, signs, steps, pairs = np.zeros(shape), np.zeros(shape), np.zeros(shape[0]), np.zeros(shape[0])
        graded = {edit.name for edit in self.harmful} | {SEVERAL}
        for (study, name), rows in self.rows.items():
            if name not in graded:
                continue
            values = self.oriented[rows]
            for more in range(1, len(rows)):
                falls = np.sign(np.where(np.abs(gap := values[:more] - values[more]) <= _EQUAL, 0.0, gap))
                lower[study] += 0.5 + 0.5 * falls[-1]
                steps[study] += 1
                signs[study] += falls.sum(axis=0)
                pairs[study] += more
        return lower, steps, signs, pairs

    @cached_property
    def rates(self) -> dict[tuple[str, str], Rate]:
        """By metric key and column: each harmful edit, `ALL` of them, `MONOTONE`, `KENDALL`."""
        shares, _, compared = self._below
        names = [edit.name for edit in self.harmful]
        columns = [*names, ALL, MONOTONE, KENDALL]
        n, m = len(self.drafts), len(self.entries)
        sums, counts = np.zeros((n, len(columns), m)), np.zeros((n, len(columns)))
        for row, variant in enumerate(self.variants):
            if compared[row]:
                for column in (names.index(variant.edit), len(names)):
                    sums[variant.study, column] += shares[row]
                    counts[variant.study, column] += 1
        lower, steps, signs, pairs = self._steps
        sums[:, -2], counts[:, -2], sums[:, -1], counts[:, -1] = lower, steps, signs, pairs

        def means(drawn: Floats) -> Floats:
            totals = (drawn @ counts)[:, :, None]
            whole = (drawn @ sums.reshape(n, -1)).reshape(len(drawn), len(columns), m)
            filled = np.divide(whole, totals, out=np.full(whole.shape, np.nan), where=totals > 0)
            return np.asarray(filled.reshape(len(drawn), -1))

        points = means(np.ones((1, n)))[0]
        limits = intervals(means, n, self.replicates, self.seed)
        studies = (counts > 0).sum(axis=0)
        return {
            (one.key, column): Rate(points[at], limits[at, 0], limits[at, 1], int(studies[place]))
            for place, column in enumerate(columns)
            for number, one in enumerate(self.entries)
            for at in [place * m + number]
        }

    @cached_property
    def ties(self) -> dict[str, float]:
        """By metric key: the share of comparisons that are tied."""
        _, ties, compared = self._below
        return {one.key: float(ties[compared > 0, at].mean()) for at, one in enumerate(self.entries)}


def run_trial(
    corpus: Corpus,
    edits: Sequence[Edit],
    scoring: Scoring,
    split: str = "test",
    studies: int = 200,
    absent: dict[str, str] | None = None,
    progress: Progress | None = None,
) -> EditTrial:
    """Edit the first reports of a split and score all of them.

    Parameters
    ----------
    corpus : Corpus
        With reports. A phantom's are edited by what they tell, others by what the labeler reads in them.
    edits : sequence of Edit
        At least one harmless and one harmful.
    scoring : Scoring
        Protocol, metrics, replicates and seed; its intervals and certificate have no meaning here.
    split : str
        Which split.
    studies : int
        Most reports that are edited.
    absent : dict of str to str, optional
        Metrics that could not be loaded, for the record.
    progress : callable, optional
        Called with a line for each step.

    Raises
    ------
    UnknownNameError
        If there is no such split.
    InputError
        If the split has no report, or no edit applies to any.
    """
    lookup("split", split, SPLITS)
    say = progress or str
    say("editing reports")
    chosen_studies = [study for study in corpus.studies if study.split == split and study.report][:studies]
    drafts = tuple(draft_of(study) for study in chosen_studies)
    found = variants_of(drafts, edits, scoring.seed)
    kinds = {edit.harmful for edit in edits for variant in found if variant.edit == edit.name}
    if kinds != {True, False}:
        raise InputError(
            f"corpus {corpus.name}, split {split}: {len(drafts)} reports, and no "
            f"{'edit' if not kinds else 'harmless edit' if True in kinds else 'harmful edit'} applies to any; "
            "give a split with reports, and edits of both kinds"
        )
    pairs = ReportPairs(
        tuple(f"{drafts[one.study].study_id} {one.edit} {one.grade}" for one in found),
        tuple((drafts[one.study].text,) for one in found),
        tuple(one.text for one in found),
    )
    options = scoring.but(intervals=False, certificate=False, corpus=f"{corpus.name}@{corpus.digest[:4]}", split=split)
    scores = score_pairs(pairs, options, progress=progress)
    columns = {key: column for one in scores.families for key, column in zip(one.keys, one.values.T, strict=True)}
    keys = in_order([key for key in scores if key in columns])
    own = {one.key: one for family in scores.families for one in getattr(family.metric, "entries", ())}
    say("resampling studies")
    return EditTrial(
        corpus.name,
        split,
        scoring.protocol.identity,
        all(sentence.told is not None for draft in drafts for sentence in draft.sentences),
        drafts,
        tuple(edits),
        tuple(found),
        tuple(own.get(key) or entry(key) for key in keys),
        np.stack([columns[key] for key in keys], axis=1),
        {**(absent or {}), **scores.absent},
        str(scores.signature),
        scoring.replicates,
        scoring.seed,
    )
