"""What a model's tokenizer leaves of a reference: rare words become `<unk>`, and long reports are cut.

R2Gen and its followers score references as their tokenizer decodes them: words seen too seldom in the training reports
are one unknown word, and what lies behind the longest sequence is gone (Chen et al., EMNLP 2020;
`modules/tokenizers.py` of their code). Published figures are not reproduced without both.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rrgbench.errors import InputError

UNKNOWN = "<unk>"


@dataclass(frozen=True)
class TrainingVocabulary:
    """Words that a tokenizer knows, and how many it keeps of a report.

    Attributes
    ----------
    words : frozenset of str
        Known words.
    threshold : int
        How often a word must occur in the training reports to be known; 0 keeps all words of any report.
    cut : int
        Words that are kept of a report; 0 keeps all.
    """

    words: frozenset[str] = field(repr=False)
    threshold: int
    cut: int

    @classmethod
    def of(cls, reports: Iterable[str], threshold: int, cut: int) -> "TrainingVocabulary":
        """The vocabulary of cleaned training reports.

        Raises
        ------
        InputError
            If a number is negative, or a threshold is asked for and there is no report.
        """
        if threshold < 0 or cut < 0:
            raise InputError(f"a vocabulary of threshold {threshold} and cut {cut}; both must be 0 or more")
        if not threshold:
            return cls(frozenset(), 0, cut)
        counts = Counter(word for report in reports for word in report.split())
        if not counts:
            raise InputError(
                "the vocabulary needs the training reports and there are none; give a corpus or a file of them"
            )
        return cls(frozenset(word for word, count in counts.items() if count >= threshold), threshold, cut)

    def decoded(self, report: str) -> str:
        """A cleaned report as the tokenizer would give it back."""
        words = report.split()[: self.cut or None]
        return " ".join(word if not self.threshold or word in self.words else UNKNOWN for word in words)

    @property
    def identity(self) -> str:
        """For signatures: threshold, cut and four digits of the known words' digest, e.g. `3/59@1a2b`."""
        if not self.threshold:
            return f"0/{self.cut}"
        digest = hashlib.sha256("\n".join(sorted(self.words)).encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.threshold}/{self.cut}@{digest[:4]}"
