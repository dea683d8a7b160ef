"""What a score means: beside each corpus value the best constant report's, and how many reports are distinct.

A published system wrote 4 distinct reports for 590 studies and nobody saw it; one constant string reaches its BLEU-1.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rrgbench.errors import MissingPartError
from rrgbench.metrics.best_constant import BestConstant, best_constant_labels, best_constant_reports
from rrgbench.metrics.catalogue import TEXT_GROUPS, entry
from rrgbench.scoring.options import ReferenceLabels, Scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.texts import compared_texts, labelled_texts

if TYPE_CHECKING:
    from rrgbench.scoring.values import Value

FEW: Final = 0.05
"""Share of distinct reports below which a warning stands beside the numbers."""


@dataclass(frozen=True)
class Certificate:
    """What stands beside a system's values.

    Attributes
    ----------
    constants : mapping of str to BestConstant
        By metric key: the value that one report, written for every study, reaches under the same protocol.
    candidates : str
        Where the constant reports come from: `training reports` or `references`.
    reports, distinct, most_frequent : int
        Reports written, how many of them differ, and how often the most frequent one is written.
    """

    constants: Mapping[str, BestConstant]
    candidates: str
    reports: int
    distinct: int
    most_frequent: int

    def beaten(self, values: Mapping[str, "Value"]) -> list[str]:
        """Keys of the metrics in which a constant report is at least as good, in the order of tables."""
        worse = {key: -1.0 if entry(key).better == "lower" else 1.0 for key in values}
        return [
            key
            for key, value in values.items()
            if key in self.constants and worse[key] * value.value <= worse[key] * self.constants[key].value
        ]

    def warnings(self, values: Mapping[str, "Value"]) -> list[str]:
        """What readers must know before they believe the numbers, in words."""
        found = []
        if lost := self.beaten(values):
            titles = ", ".join(entry(key).title for key in lost)
            found.append(f"one constant report, written for every study, is at least as good in {titles}")
        if self.reports > 1 and self.distinct < FEW * self.reports:
            share = 100 * self.most_frequent / self.reports
            found.append(
                f"{self.distinct} distinct reports for {self.reports} studies; the most frequent one is written for "
                f"{share:.0f} % of them"
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """All fields as what JSON can hold."""
        return {
            "constants": {key: {"value": one.value, "proven_best": one.exact} for key, one in self.constants.items()},
            "candidates": self.candidates,
            "reports": self.reports,
            "distinct_reports": self.distinct,
            "most_frequent_report": self.most_frequent,
        }


def certificate(
    pairs: ReportPairs,
    options: Scoring,
    keys: Sequence[str],
    labels: ReferenceLabels | None = None,
    training_reports: Sequence[str] = (),
) -> Certificate:
    """The certificate of a system's reports.

    Parameters
    ----------
    pairs : ReportPairs
        References and hypotheses.
    options : Scoring
        As the values were made.
    keys : sequence of str
        Metrics scored; other packages' metrics have no constant.
    labels : ReferenceLabels, optional
        As in `rrgbench.scoring.score.score_pairs`.
    training_reports : sequence of str
        Candidates for the constant report; the references if there are none.
    """
    counts = Counter(pairs.hypotheses)
    texts = [study[0] for study in pairs.references]
    candidates = list(dict.fromkeys(training_reports)) or texts
    constants: dict[str, BestConstant] = {}
    if candidates:
        text_keys = [key for key in keys if key in TEXT_GROUPS["nlg"]]
        if text_keys and pairs.references:
            constants |= _text_constants(pairs, options, candidates, text_keys)
        if any(key in TEXT_GROUPS["ce"] for key in keys):
            constants |= _label_constants(texts, options, candidates, labels)
    return Certificate(
        constants={key: constants[key] for key in keys if key in constants},
        candidates="training reports" if training_reports else "references",
        reports=len(pairs.hypotheses),
        distinct=len(counts),
        most_frequent=max(counts.values(), default=0),
    )


def _text_constants(
    pairs: ReportPairs, options: Scoring, candidates: Sequence[str], keys: Sequence[str]
) -> dict[str, BestConstant]:
    references, written = compared_texts(pairs.references, candidates, options)
    if options.protocol.cider_df != "test":
        keys = [key for key in keys if key != "cider"]
    try:
        return best_constant_reports(references, written, keys)
    except MissingPartError:
        # METEOR's data is not installed, and its value is absent for that reason
        return best_constant_reports(references, written, [key for key in keys if key != "meteor"])


def _label_constants(
    references: Sequence[str], options: Scoring, candidates: Sequence[str], labels: ReferenceLabels | None
) -> dict[str, BestConstant]:
    distinct = list(dict.fromkeys(candidates))
    read, written = labelled_texts(references if labels is None else (), distinct, options)
    found = options.tool.label([*read, *written])
    expected = found[: len(references)] if labels is None else labels.values
    known = None if labels is None else labels.known
    return best_constant_labels(options.clinical_efficacy, expected, found[-len(distinct) :], known)
