"""Reports for the labels that films have: steps 3 and 4 learn from them where films and reports are of other patients.

The reports of one source rarely say what the films of another show: of 2,539 training reports of IU X-Ray 5 assert a
pneumonia, which half of the films of a subset of ChestX-ray14 have. For each film, re-sampled so that rare observations
come up, a report with its labels is composed: a real report without the sentences that contradict them, and for each
finding that is then missing a sentence of another report, or of the impression beside it, that asserts this finding. An
option of ours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dcrrg.step1 import balanced_weights, draw_studies
from rrgbench.errors import InputError
from rrgbench.labelers import StandardLabeler
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, observation_index
from rrgbench.training.data import ReportSource, TrainingData

NO_FINDING = observation_index("No Finding")
_TRIES = 4
_LONGEST = 25
"""Words of a sentence that is taken."""

_MASK = "XXXX"
_ITEM = re.compile(r"^\s*\d+[.)]\s+")
"""The number of an item in a list."""


def asserted(labels: NDArray[np.int8]) -> NDArray[np.bool_]:
    """What reports say (n, 14): positive, or uncertain, which clinical efficacy counts as said too."""
    return np.asarray((labels == POSITIVE) | (labels == UNCERTAIN))


@dataclass(frozen=True)
class _Sentence:
    text: str
    labels: NDArray[np.int8]
    """Read by itself."""

    mentions: frozenset[int]
    """Observations that it speaks of, whatever it says."""


def with_composed(data: TrainingData, per_film: int, seed: int) -> TrainingData:
    """Training data whose reports are joined by `per_film` composed ones for each film.

    Parameters
    ----------
    data : TrainingData
        Unpaired.
    per_film : int
        Half of the reports are for films drawn evenly, half for films drawn as balancing draws them in step 1.
    seed : int
        Of what is drawn.

    Raises
    ------
    InputError
        If films and reports are paired.
    """
    if per_film == 0:
        return data
    if data.paired:
        raise InputError("composed_reports are for films without reports of their own; set it to 0 for a paired corpus")
    rng = np.random.default_rng([seed, per_film])
    speaks = np.array([name in data.films.labelled for name in OBSERVATIONS])
    wanted = (data.films.labels == POSITIVE) & speaks
    rare = balanced_weights(data.films.labels, data.films.known)
    drawn = [np.arange(len(wanted)) if number % 2 == 0 else draw_studies(rare, rng)[0] for number in range(per_film)]
    composer = Composer(data.reports.reports, data.reports.beside, speaks)
    texts = [composer.compose(target, rng) for target in wanted[np.concatenate(drawn)]]
    made = [text for text in texts if text is not None]
    if not made:
        return data
    labels = np.concatenate([data.reports.labels, StandardLabeler().label(made)])
    return replace(data, reports=ReportSource([*data.reports.reports, *made], labels))


class Composer:
    """Composes reports from the sentences of others.

    Parameters
    ----------
    reports : sequence of str
        What composed ones begin with.
    beside : sequence of str
        Texts of which single sentences are taken too.
    speaks : bool array (14,)
        Observations that composed reports are to agree with their labels in; of the others nothing is asserted.
    """

    def __init__(self, reports: Sequence[str], beside: Sequence[str], speaks: NDArray[np.bool_]) -> None:
        self.labeler, self.speaks = StandardLabeler(), speaks
        read = [self.labeler.sentences(report) for report in reports]
        texts = list(dict.fromkeys(sentence for report in read for sentence, _ in report))
        labels = dict(zip(texts, self.labeler.label(texts), strict=True))
        self.reports = [[_Sentence(text, labels[text], frozenset(of)) for text, of in report] for report in read]
        said = asserted(self.labeler.label(list(reports)))
        self.normal = [report for report, one in zip(reports, said[:, NO_FINDING], strict=True) if one]
        single = [
            _ITEM.sub("", sentence)
            for text in (*reports, *beside)
            for sentence, mentioned in self.labeler.sentences(text)
            if mentioned - {NO_FINDING}
        ]
        # in the order of the reports, and as often as they have them; masks of names and numbers are nothing to learn
        texts = [text for text in single if _MASK not in text and len(text.split()) <= _LONGEST]
        different = list(dict.fromkeys(texts))
        found = dict(zip(different, asserted(self.labeler.label(different)), strict=True)) if different else {}
        self.sentences: list[list[tuple[str, NDArray[np.bool_]]]] = [
            [(text, found[text]) for text in texts if found[text][column]] for column in range(len(OBSERVATIONS))
        ]
        """Sentences that assert an observation, by itself or with others, with all that they assert (14,)."""

    def compose(self, target: NDArray[np.bool_], rng: np.random.Generator) -> str | None:
        """A report that asserts just `target` (14,) of what is labelled; None if it did not come about."""
        findings = [int(one) for one in np.flatnonzero(target) if one != NO_FINDING]
        if not findings:
            return self.normal[int(rng.integers(len(self.normal)))] if self.normal else None
        for _ in range(_TRIES):
            base = self.reports[int(rng.integers(len(self.reports)))]
            kept = [one for one in base if self._fits(one, target)]
            missing = [one for one in findings if not any(asserted(sentence.labels)[one] for sentence in kept)]
            added, told = [], np.zeros(len(OBSERVATIONS), dtype=bool)
            for one in rng.permutation(missing).tolist():
                choices = (
                    [] if told[one] else [(text, of) for text, of in self.sentences[one] if not (of & ~target).any()]
                )
                if choices:
                    text, of = choices[int(rng.integers(len(choices)))]
                    added.append(text)
                    told |= of
            text = " ".join([*added, *(sentence.text for sentence in kept)])
            said = asserted(self.labeler.label([text]))[0]
            if np.array_equal(said & self.speaks, target & self.speaks):
                return text
        return None

    def _fits(self, sentence: _Sentence, target: NDArray[np.bool_]) -> bool:
        """Whether a sentence asserts only the target's findings, denies none of them, and calls nothing normal."""
        said = asserted(sentence.labels)
        denied = (sentence.labels == NEGATIVE) & target
        normal = NO_FINDING in sentence.mentions and not (said & target).any()
        said[NO_FINDING] = False
        return not (said & ~target).any() and not denied.any() and not normal
