"""Labels of a whole corpus as they are looked at: its own, or a labeler's of its reports."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench import labelers
from rrgbench.data.corpus import Corpus
from rrgbench.data.study import Study
from rrgbench.data.validate import count_labels, counts_json
from rrgbench.errors import InputError
from rrgbench.labelers.asking import labels_of
from rrgbench.observations import OBSERVATIONS


@dataclass(frozen=True)
class LabelCounts:
    """How often each observation has which label.

    Attributes
    ----------
    corpus : str
        Its identity.
    split : str or None
        The split that is counted; None for all.
    studies : int
        Labelled studies.
    source : str
        Who made the labels.
    counts : int array (14, 4)
        Studies per observation and value of `rrgbench.data.validate.VALUES`.
    labelled : tuple of str
        Observations that the labels speak about.
    """

    corpus: str
    split: str | None
    studies: int
    source: str
    counts: NDArray[np.int64]
    labelled: tuple[str, ...]

    @property
    def title(self) -> str:
        """What is counted, in words."""
        part = f", {self.split}" if self.split else ""
        return f"{self.corpus}{part}: {self.studies:,} studies labelled by {self.source}"

    def to_json(self) -> dict[str, Any]:
        """The counts for machines."""
        labels = counts_json(self.counts, self.labelled)
        return {"corpus": self.corpus, "split": self.split, "studies": self.studies, "labels": labels}


def label_counts(corpus: Corpus, split: str | None = None, labeler: str | None = None) -> LabelCounts:
    """Count the labels of a corpus; errors as `relabelled`."""
    studies, source = relabelled(corpus, corpus.selected(split, texts=labeler is not None), labeler)
    labelled = OBSERVATIONS if source.startswith("reports") else corpus.labelled_observations
    return LabelCounts(corpus.identity, split, len(studies), source, count_labels(studies), labelled)


def relabelled(corpus: Corpus, studies: Sequence[Study], labeler: str | None) -> tuple[tuple[Study, ...], str]:
    """Studies with labels, and who made them.

    Parameters
    ----------
    corpus : Corpus
        Theirs.
    studies : sequence of Study
        Those that can't be labelled are left out.
    labeler : str or None
        A labeler by name; None for the corpus's own labels, or the rules where it has none.

    Raises
    ------
    InputError
        If there is nothing to label.
    """
    own = tuple(study for study in studies if study.labels is not None)
    if labeler is None and own:
        return own, ", ".join(sorted({study.labels_source for study in own}))
    reported = [study for study in studies if study.report is not None and study.report.strip()]
    if not reported:
        if own:
            raise InputError(f"corpus {corpus.name} has no reports for {labeler} to read here; its labels are its own")
        raise InputError(f"corpus {corpus.name} has neither labels nor reports to label here")
    chosen = labelers.load(labeler) if labeler else labelers.StandardLabeler()
    made = labels_of(chosen, [study.report or "" for study in reported])
    source = chosen.identity
    found = tuple(replace(study, labels=row, labels_source=source) for study, row in zip(reported, made, strict=True))
    return found, f"reports ({source})"
