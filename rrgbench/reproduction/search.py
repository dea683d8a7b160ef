"""Which combination of choices makes printed figures from given outputs.

Cleaning, letters or all words, tokenization, threshold and cut of the training vocabulary (also one off those that
papers state), and where CIDEr's document frequencies come from are tried in all combinations. BLEU is cheap and tells
most of them apart; only what fits in BLEU, or comes nearest, is scored in all printed metrics.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.catalogue import TEXT_GROUPS
from rrgbench.metrics.ngrams import ngram_table
from rrgbench.metrics.sentence_bleu import SentenceBleu
from rrgbench.reproduction.figures import Figure
from rrgbench.scoring.cleaning import Cleaning, Tokens
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import Protocol, VocabularyRule
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score_pairs
from rrgbench.scoring.vocabulary import TrainingVocabulary

THRESHOLDS: Final = (0, 2, 3, 4, 5, 9, 10, 11)
CUTS: Final = (0, 58, 59, 60, 61, 98, 99, 100, 101)
"""Those that papers state, one off them, and none."""

NEAREST: Final = 3
"""How many combinations are scored in all metrics where none fits in BLEU."""

_CHOICES: Final = (
    *("cleaning", "tokens", "tokenization", "cider_df", "smoothing"),
    *("labeler", "labelled_text", "averaging", "uncertain", "observations"),
)
_SHOWN: Final = {
    "tokens": "words",
    "cider_df": "CIDEr's document frequencies from",
    "labelled_text": "labelled text",
    "uncertain": "uncertain as",
}


@dataclass(frozen=True)
class Combination:
    """Choices that were tried, and what they give.

    Attributes
    ----------
    protocol : Protocol
        The choices.
    values : mapping of str to float
        What comes out, by metric key.
    printed : mapping of str to Figure
        What was printed.
    """

    protocol: Protocol
    values: Mapping[str, float]
    printed: Mapping[str, Figure]

    @property
    def misses(self) -> float:
        """Units of the last digit by which the worst figure is missed; 0 if all fit."""
        return max(figure.misses(self.values.get(key, np.nan)) for key, figure in self.printed.items())

    @property
    def off(self) -> float:
        """The largest difference of a value from its printed figure."""
        return max(abs(self.values.get(key, np.nan) - figure.value) for key, figure in self.printed.items())

    def differs_from(self, stated: Protocol) -> tuple[str, ...]:
        """In words, the choices that differ from a protocol's."""
        return tuple(_differences(self.protocol, stated))


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    stated : Protocol
        The protocol that was said to have made the figures.
    fits : tuple of Combination
        Those that make all digits, those nearest to the stated protocol first.
    nearest : Combination
        The first of them, or what comes nearest.
    tried : int
        How many combinations that give different texts were compared.
    """

    stated: Protocol
    fits: tuple[Combination, ...]
    nearest: Combination
    tried: int

    @property
    def verdict(self) -> str:
        """In a line, which combination makes the figures, or how far the nearest is."""
        changes = ", ".join(self.nearest.differs_from(self.stated))
        if self.fits:
            return f"all digits fit with {changes}" if changes else f"all digits fit under {self.stated.identity}"
        where = f"with {changes}" if changes else f"under {self.stated.identity}"
        off = f"{self.nearest.off:.2g} away in its worst figure"
        return f"none of {self.tried} combinations fits; the nearest, {where}, is {off}"


def search(
    pairs: ReportPairs,
    printed: Mapping[str, Figure],
    stated: Protocol,
    training_reports: Sequence[str] = (),
) -> Search:
    """Try combinations of choices until one makes all printed digits.

    Parameters
    ----------
    pairs : ReportPairs
        References as the corpus has them, and the outputs.
    printed : mapping of str to Figure
        By metric key.
    stated : Protocol
        Where the search starts, and what its result is told apart from. Its other choices, such as those of clinical
        efficacy, stay.
    training_reports : sequence of str
        For the vocabulary; without them only cuts are tried.
    """
    cheap = [key for key in printed if key in (*TEXT_GROUPS["bleu"], *TEXT_GROUPS["bleu_mean"])]
    seen: dict[tuple[object, ...], Combination] = {}
    for preparation in _preparations(pairs, stated, training_reports):
        for protocol, references in preparation.vocabularies():
            sentence = [protocol.smoothing] if any(key in TEXT_GROUPS["bleu_mean"] for key in cheap) else []
            key = (tuple(references), preparation.hypotheses, *sentence)
            one = seen.get(key)
            if one is None or distance(protocol, stated) < distance(one.protocol, stated):
                values = one.values if one else _bleu(references, preparation.hypotheses, protocol, cheap)
                seen[key] = Combination(protocol, values, {key: printed[key] for key in cheap} or printed)
    ranked = sorted(seen.values(), key=lambda one: (one.misses if cheap else 0.0, distance(one.protocol, stated)))
    likely = [one for one in ranked if cheap and one.misses == 0.0] or ranked[: NEAREST if cheap else None]
    if len(cheap) == len(printed):
        complete = likely
    else:
        complete = [
            _scored(pairs, protocol, printed, training_reports)
            for one in likely
            for protocol in _frequencies(one.protocol, printed, training_reports)
        ]
    complete.sort(key=lambda one: (one.misses, distance(one.protocol, stated)))
    fits = tuple(one for one in complete if one.misses == 0.0)
    return Search(stated, fits, complete[0], len(seen))


@dataclass(frozen=True)
class _Preparation:
    """Texts under one cleaning and tokenization, before the vocabulary."""

    protocol: Protocol
    references: tuple[str, ...]
    hypotheses: tuple[str, ...]
    training: tuple[str, ...]

    @cached_property
    def cuts(self) -> list[int]:
        """The cuts that change something, and the stated one."""
        longest = max(len(text.split()) for text in self.references)
        return [cut for cut in (*CUTS, self.stated.cut) if cut < longest or cut == self.stated.cut]

    @property
    def stated(self) -> VocabularyRule:
        return self.protocol.vocabulary or VocabularyRule()

    def vocabularies(self) -> Iterator[tuple[Protocol, list[str]]]:
        """The references through every vocabulary, with the protocol that has it."""
        thresholds = (*THRESHOLDS, self.stated.threshold) if self.training else (0,)
        for threshold in dict.fromkeys(thresholds):
            known = TrainingVocabulary.of(self.training, threshold, 0).words
            for cut in dict.fromkeys(self.cuts):
                vocabulary = TrainingVocabulary(known, threshold, cut)
                rule = VocabularyRule(threshold=threshold, cut=cut) if threshold or cut else None
                references = [vocabulary.decoded(text) for text in self.references] if rule else list(self.references)
                yield self.protocol.model_copy(update={"vocabulary": rule}), references


def _preparations(pairs: ReportPairs, stated: Protocol, training: Sequence[str]) -> Iterator[_Preparation]:
    smoothing = dict.fromkeys((stated.smoothing, 0.1, 0.0)) if stated.bleu == "mean-sentence" else (stated.smoothing,)
    first = [study[0] for study in pairs.references]
    kinds = product(get_args(Cleaning), get_args(Tokens), ("whitespace", "ptb"), smoothing)
    for cleaning, tokens, tokenization, epsilon in kinds:
        protocol = stated.model_copy(
            update={"cleaning": cleaning, "tokens": tokens, "tokenization": tokenization, "smoothing": epsilon}
        )
        if protocol.missing_part or (tokenization == "ptb" and cleaning != "none"):
            continue
        texts = protocol.tokenize([*first, *pairs.hypotheses, *training])
        n = len(first)
        yield _Preparation(protocol, tuple(texts[:n]), tuple(texts[n : 2 * n]), tuple(texts[2 * n :]))


def _bleu(
    references: Sequence[str], hypotheses: Sequence[str], protocol: Protocol, keys: Sequence[str]
) -> dict[str, float]:
    if not keys:
        return {}
    table = ngram_table([[text] for text in references], hypotheses)
    everyone: NDArray[np.float64] = np.ones((1, len(hypotheses)))
    found: dict[str, float] = {}
    for metric in (Bleu(), SentenceBleu(protocol.smoothing)):
        values = metric.aggregate(metric.table_statistics(table), everyone)[0]
        found |= dict(zip(metric.keys, map(float, values), strict=True))
    return {key: found[key] for key in keys}


def _frequencies(
    protocol: Protocol, printed: Mapping[str, Figure], training_reports: Sequence[str]
) -> Iterator[Protocol]:
    yield protocol
    if "cider" in printed and training_reports:
        other = "test" if protocol.cider_df == "train" else "train"
        yield protocol.model_copy(update={"cider_df": other})


def _scored(
    pairs: ReportPairs, protocol: Protocol, printed: Mapping[str, Figure], training_reports: Sequence[str]
) -> Combination:
    options = scoring(
        protocol,
        metrics=tuple(printed),
        intervals=False,
        certificate=False,
        training_reports=tuple(training_reports),
    )
    found = score_pairs(pairs, options)
    return Combination(protocol, {key: value.value for key, value in found.items()}, printed)


def distance(protocol: Protocol, stated: Protocol) -> int:
    """In how many choices two protocols differ."""
    return len(list(_differences(protocol, stated)))


def _differences(protocol: Protocol, stated: Protocol) -> Iterator[str]:
    for name in _CHOICES:
        ours, theirs = getattr(protocol, name), getattr(stated, name)
        if ours != theirs:
            yield f"{_SHOWN.get(name, name)} {ours} instead of {theirs}"
    rules = [one.vocabulary or VocabularyRule() for one in (protocol, stated)]
    for name in ("threshold", "cut"):
        ours, theirs = (getattr(rule, name) for rule in rules)
        if ours != theirs:
            yield f"{name} {ours} instead of {theirs}" if ours else f"no {name} instead of {theirs}"
