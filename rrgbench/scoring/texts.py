"""Texts as a protocol compares them and as its labeler reads them, prepared once for all that needs them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rrgbench.errors import InputError
from rrgbench.labelers.asking import labels_of
from rrgbench.metrics.clinical_efficacy import Labels
from rrgbench.metrics.ngrams import NgramTable, ngram_table
from rrgbench.scoring.options import ReferenceLabels, Scoring
from rrgbench.scoring.report_files import ReportPairs

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PreparedReports:
    """Paired reports with what scoring makes of them, made when it is first asked for.

    Attributes
    ----------
    pairs : ReportPairs
        References, if there are any, and hypotheses.
    options : Scoring
        How they are scored.
    labels : ReferenceLabels, optional
        What hypotheses' labels are compared with instead of the references' reading.
    """

    pairs: ReportPairs
    options: Scoring
    labels: ReferenceLabels | None = None

    @cached_property
    def compared(self) -> tuple[list[list[str]], list[str]]:
        """References and hypotheses as the protocol compares them."""
        return compared_texts(self.pairs.references, self.pairs.hypotheses, self.options)

    @cached_property
    def table(self) -> NgramTable:
        """N-gram counts of both."""
        return ngram_table(*self.compared)

    def forget_table(self) -> None:
        """Let go of the n-grams, where nothing more is counted: all words of all reports."""
        self.__dict__.pop("table", None)

    @cached_property
    def labelled(self) -> tuple[Labels, Labels]:
        """Labels that are expected, and those of the hypotheses (n, 14) each.

        Raises
        ------
        InputError
            If there is neither a reference report nor a reference label, or labels don't fit the studies.
        """
        if self.labels is None and not self.pairs.references:
            raise InputError("clinical efficacy needs references or reference_labels; neither was given")
        expected = [study[0] for study in self.pairs.references] if self.labels is None else []
        if self.labels is None and (several := sum(len(study) > 1 for study in self.pairs.references)):
            _log.warning(
                "clinical efficacy reads a study's first reference; several in %d of %d studies",
                several,
                len(expected),
            )
        references, hypotheses = labelled_texts(expected, self.pairs.hypotheses, self.options)
        found = labels_of(self.options.tool, [*hypotheses, *references])
        studies = len(hypotheses)
        if self.labels is None:
            return found[studies:], found[:studies]
        if len(self.labels.values) != studies:
            raise InputError(
                f"labels of {len(self.labels.values)} studies but {studies} hypotheses; give a row for each study"
            )
        return np.asarray(self.labels.values), found


def compared_texts(
    references: Sequence[Sequence[str]], others: Sequence[str], options: Scoring
) -> tuple[list[list[str]], list[str]]:
    """References as the protocol compares them, tokenized and through its vocabulary, and other texts, tokenized."""
    # All texts in one call, equal ones once: a tokenizer may be a process.
    texts = list(dict.fromkeys([*(text for study in references for text in study), *others]))
    words = dict(zip(texts, options.protocol.tokenize(texts), strict=True))
    return [[decoded(words[text], options) for text in study] for study in references], [words[text] for text in others]


def decoded(reference: str, options: Scoring) -> str:
    """A prepared reference through the vocabulary, where the protocol has one."""
    return reference if options.vocabulary is None else options.vocabulary.decoded(reference)


def labelled_texts(references: Sequence[str], others: Sequence[str], options: Scoring) -> tuple[list[str], list[str]]:
    """References and other texts as the protocol's labeler reads them."""
    if options.protocol.labelled_text == "as given":
        return list(references), list(others)
    cleaned = [decoded(text, options) for text in options.protocol.clean(references)]
    return cleaned, options.protocol.clean(others)
