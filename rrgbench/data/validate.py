"""One pass over a corpus: what is in it, what is broken, what is there twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus, group_by_split
from rrgbench.data.films.fingerprint import SIZE, film_groups, fingerprint
from rrgbench.data.films.images import FilmFile
from rrgbench.data.films.looks import BLANK, NEAR_BLANK, odd_look
from rrgbench.data.films.stream import READING, in_workers
from rrgbench.data.study import SPLITS, ImageReference, Study
from rrgbench.errors import InputError, counted, listed
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED
from rrgbench.progress import Progress

VALUES: Final = {"positive": POSITIVE, "uncertain": UNCERTAIN, "negative": NEGATIVE, "unmentioned": UNMENTIONED}
"""Label values, in the order tables show them."""


_Seen = tuple[NDArray[np.bool_], str]


@dataclass(frozen=True)
class SplitSummary:
    """Counts of one split of one source.

    Attributes
    ----------
    source : str
        `studies`, or `texts` for the reports of an unpaired corpus.
    split : str
        Its name.
    studies, subjects, films, labelled : int
        Counts.
    reports, without_report, distinct_reports : int
        Studies with a report that is not empty, without one, and different texts.
    words : tuple of int
        Fewest, median and most words of a report; empty where there are no reports.
    """

    source: str
    split: str
    studies: int
    subjects: int
    films: int
    labelled: int
    reports: int
    without_report: int
    distinct_reports: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class FilmCopy:
    """A film that occurs more than once: where.

    Attributes
    ----------
    corpus, split, study_id, subject_id : str
        Where this copy lies.
    """

    corpus: str
    split: str
    study_id: str
    subject_id: str


@dataclass(frozen=True)
class Validation:
    """What `validate` found.

    Attributes
    ----------
    corpus, digest, license_note : str
        The corpus as it identifies itself.
    splits : tuple of SplitSummary
        By source and split.
    labels : dict of str to int array (14, 4)
        By split: studies per observation and value of `VALUES`.
    labelled_observations : tuple of str
        Observations the labels speak about.
    unreadable : tuple of (str, str)
        Study id and the one-line reason of each film that can't be read.
    odd : tuple of (str, str, str)
        Study id, file and look of each film of this corpus that is blank or looks inverted, turned or lateral
        (`rrgbench.data.films.looks`); hints, not problems.
    copies : tuple of tuple of FilmCopy
        Groups of films that are the same, in this corpus and, where one was given, the one beside it.
    empty : tuple of str
        Ids of studies that have neither a film nor a text.
    """

    corpus: str
    digest: str
    license_note: str
    splits: tuple[SplitSummary, ...]
    labels: dict[str, NDArray[np.int64]]
    labelled_observations: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    odd: tuple[tuple[str, str, str], ...]
    copies: tuple[tuple[FilmCopy, ...], ...]
    empty: tuple[str, ...] = ()

    @property
    def within_study(self) -> tuple[tuple[FilmCopy, ...], ...]:
        """Groups of copies that all lie in one study: two renderings of one exposure."""
        return tuple(group for group in self.copies if len({(copy.corpus, copy.study_id) for copy in group}) == 1)

    @property
    def leaks(self) -> tuple[tuple[FilmCopy, ...], ...]:
        """Groups of copies in two splits of one corpus: what is tested was trained on."""
        return tuple(
            group
            for group in self.copies
            if len({(copy.corpus, copy.split) for copy in group}) > len({copy.corpus for copy in group})
        )

    @property
    def shared(self) -> tuple[tuple[FilmCopy, ...], ...]:
        """Groups of copies that lie in both corpora."""
        return tuple(group for group in self.copies if len({copy.corpus for copy in group}) > 1)

    @property
    def problems(self) -> tuple[str, ...]:
        """What must be mended before numbers on this corpus mean something; empty if it passes."""
        found = []
        if self.unreadable:
            found.append(f"{len(self.unreadable)} films can't be read")
        if self.leaks:
            found.append(f"{len(self.leaks)} {'film lies' if len(self.leaks) == 1 else 'films lie'} in two splits")
        if self.empty:
            have = "has" if len(self.empty) == 1 else "have"
            found.append(f"{counted(len(self.empty), 'study')} {have} neither film nor report: {listed(self.empty)}")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Everything as what JSON can hold; subjects stay out of it."""
        return {
            "corpus": self.corpus,
            "digest": self.digest,
            "license_note": self.license_note,
            "splits": [{**vars(summary), "words": list(summary.words)} for summary in self.splits],
            "labels": {split: counts_json(counts, self.labelled_observations) for split, counts in self.labels.items()},
            "unreadable": [{"study_id": study_id, "reason": reason} for study_id, reason in self.unreadable],
            "odd": [{"study_id": study_id, "film": film, "look": look} for study_id, film, look in self.odd],
            "copies": [
                [{"corpus": copy.corpus, "split": copy.split, "study_id": copy.study_id} for copy in group]
                for group in self.copies
            ],
            "empty": list(self.empty),
            "problems": list(self.problems),
        }


def validate(
    corpus: Corpus,
    beside: Corpus | None = None,
    progress: Progress | None = None,
    jobs: int = -1,
) -> Validation:
    """Look at every study and decode every film of a corpus.

    Parameters
    ----------
    corpus : Corpus
        Load it with `check_images=False`, else its loader refuses absent films before they can be counted here.
    beside : Corpus, optional
        A second corpus: films that both hold are found too.
    progress : callable, optional
        Told of the films that are read.
    jobs : int
        Worker processes (joblib's `n_jobs`).

    Returns
    -------
    Validation
        Films are the same if their fingerprints agree (`rrgbench.data.films.fingerprint`), so scaled and
        re-compressed copies are found as well as equal files; blank films are compared with nothing.
    """
    owners = [
        (source, study, film)
        for source in (corpus, beside)
        if source is not None
        for study in source.studies
        for film in study.images
    ]
    seen = _seen([film for _, _, film in owners], progress, jobs)
    # Two blank films are no copies of one another: there is nothing on them to be the same.
    comparable = [
        (source, study, one[0])
        for (source, study, _), one in zip(owners, seen, strict=True)
        if not isinstance(one, str) and one[1] not in (BLANK, NEAR_BLANK)
    ]
    rows = [bits for _, _, bits in comparable]
    groups = film_groups(np.stack(rows)) if rows else []
    names = {id(corpus): corpus.name, id(beside): beside.identity if beside is not None else ""}
    return Validation(
        corpus=corpus.name,
        digest=corpus.digest,
        license_note=corpus.license_note,
        splits=(*_summaries("studies", corpus.studies), *_summaries("texts", corpus.text_studies)),
        labels={split: count_labels(studies) for split, studies in _in_order(corpus.studies)},
        labelled_observations=corpus.labelled_observations,
        unreadable=tuple(
            (study.study_id, one) for (_, study, _), one in zip(owners, seen, strict=True) if isinstance(one, str)
        ),
        odd=tuple(
            (study.study_id, film.path.name if isinstance(film, FilmFile) else "", one[1])
            for (source, study, film), one in zip(owners, seen, strict=True)
            if source is corpus and not isinstance(one, str) and one[1]
        ),
        copies=tuple(
            tuple(
                FilmCopy(names[id(source)], study.split, study.study_id, study.subject_id)
                for source, study, _ in (comparable[row] for row in group)
            )
            for group in groups
        ),
        empty=tuple(study.study_id for study in (*corpus.studies, *corpus.text_studies) if _is_empty(study)),
    )


def count_labels(studies: Sequence[Study]) -> NDArray[np.int64]:
    """Studies per observation and value of `VALUES`, (14, 4); studies without labels are not counted."""
    counts = np.zeros((len(OBSERVATIONS), len(VALUES)), dtype=np.int64)
    labels = [study.labels for study in studies if study.labels is not None]
    if labels:
        matrix = np.stack(labels)
        for column, value in enumerate(VALUES.values()):
            counts[:, column] = (matrix == value).sum(axis=0)
    return counts


def counts_json(counts: NDArray[np.int64], labelled: Sequence[str]) -> dict[str, dict[str, int]]:
    """Counts (14, 4) by observation, of those that the labels speak about, and by value."""
    return {
        observation: dict(zip(VALUES, row, strict=True))
        for observation, row in zip(OBSERVATIONS, counts.tolist(), strict=True)
        if observation in labelled
    }


def _in_order(studies: Sequence[Study]) -> list[tuple[str, tuple[Study, ...]]]:
    groups = group_by_split(studies)
    return [(split, groups[split]) for split in SPLITS if split in groups]


def _summaries(source: str, studies: Sequence[Study]) -> list[SplitSummary]:
    summaries = []
    for split, group in _in_order(studies):
        reports = [study.report for study in group if study.report is not None and study.report.strip()]
        lengths = np.array([len(report.split()) for report in reports])
        summaries.append(
            SplitSummary(
                source=source,
                split=split,
                studies=len(group),
                subjects=len({study.subject_id for study in group}),
                films=sum(len(study.images) for study in group),
                labelled=sum(study.labels is not None for study in group),
                reports=len(reports),
                without_report=len(group) - len(reports),
                distinct_reports=len(Counter(reports)),
                words=(int(lengths.min()), int(np.median(lengths)), int(lengths.max())) if len(lengths) else (),
            )
        )
    return summaries


def _is_empty(study: Study) -> bool:
    """Whether a study has no film and no text, also in no other section than the one that is read."""
    return not study.images and not any((text or "").strip() for text in (study.report, *study.sections.values()))


def _seen(films: Sequence[ImageReference], progress: Progress | None, jobs: int) -> list[_Seen | str]:
    """Fingerprint and odd look of each film, or why it can't be read."""
    found: list[_Seen | str] = []
    for part in in_workers(_see_batch, films, jobs):
        found += part
        if progress is not None:
            progress(READING, len(found), len(films))
    return found


def _see_batch(films: Sequence[ImageReference]) -> list[_Seen | str]:
    found: list[_Seen | str] = []
    for film in films:
        try:
            pixels = film.load(SIZE)
        except InputError as error:
            found.append(str(error))
        else:
            found.append((fingerprint(pixels), odd_look(pixels, film.view)))
    return found
