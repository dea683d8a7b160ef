"""What a score means: beside each corpus value the best constant report's, and how many reports are distinct.

A published system wrote 4 distinct reports for 590 studies and nobody saw it; one constant string reaches its BLEU-1.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rrgbench.errors import MissingPartError
from rrgbench.labelers.asking import labels_of
from rrgbench.metrics.best_constant import BestConstant, TextChoices, best_constant_labels, best_constant_reports
from rrgbench.metrics.catalogue import FEW_DISTINCT, TEXT_GROUPS, constant_wins, entry
from rrgbench.render.table import Cell
from rrgbench.scoring.texts import PreparedReports, compared_texts, labelled_texts

if TYPE_CHECKING:
    from rrgbench.scoring.values import Value

NO_CONSTANT: Final = "no constant report is looked for under this metric"


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
        return [
            key
            for key, value in values.items()
            if key in self.constants and constant_wins(key, self.constants[key].value, value.value)
        ]

    @property
    def few(self) -> bool:
        """Whether so few of the reports are distinct that it must be said."""
        return self.reports > 1 and self.distinct < FEW_DISTINCT * self.reports

    def cell(self, key: str, lost: Collection[str] = ()) -> Cell:
        """The constant's value as tables show it, marked where a system loses to it; a blank says why."""
        constant = self.constants.get(key)
        if constant is None:
            return Cell(notes=(NO_CONSTANT,))
        notes = (constant.note,) if constant.note else ()
        return Cell(constant.value, superscript="!" if key in lost else "", notes=notes)

    def warnings(self, values: Mapping[str, "Value"]) -> list[str]:
        """What readers must know before they believe the numbers, in words."""
        found = []
        if lost := self.beaten(values):
            titles = ", ".join(entry(key).title for key in lost)
            found.append(f"one constant report, written for every study, is at least as good in {titles}")
        if self.few:
            share, plural = 100 * self.most_frequent / self.reports, "s" * (self.distinct > 1)
            found.append(
                f"{self.distinct} distinct report{plural} for {self.reports} studies; the most frequent one is written "
                f"for {share:.0f} % of them"
            )
        return found

    def of_other(self, hypotheses: Sequence[str]) -> "Certificate":
        """The certificate of another system's reports of the same studies: only their counts are new."""
        counts = Counter(hypotheses)
        return replace(
            self, reports=len(hypotheses), distinct=len(counts), most_frequent=max(counts.values(), default=0)
        )

    def to_json(self, values: Mapping[str, "Value"]) -> dict[str, Any]:
        """All fields as what JSON can hold, and what they say of a system's values."""
        return {
            "loses_to_constant": self.beaten(values),
            "few_distinct_reports": self.few,
            "warnings": self.warnings(values),
            "constants": {
                key: {"value": one.value, "proven_best": one.exact, "note": one.note or None}
                for key, one in self.constants.items()
            },
            "candidates": self.candidates,
            "reports": self.reports,
            "distinct_reports": self.distinct,
            "most_frequent_report": self.most_frequent,
        }


def certificate(prepared: PreparedReports, keys: Sequence[str], training_reports: Sequence[str] = ()) -> Certificate:
    """The certificate of a system's reports.

    Parameters
    ----------
    prepared : PreparedReports
        References and hypotheses, as the values are made of them.
    keys : sequence of str
        Metrics scored; other packages' metrics have no constant, and their cells say so.
    training_reports : sequence of str
        Candidates for the constant report; without them the training reports that the scoring was given, or else the
        references.
    """
    pairs, given = prepared.pairs, training_reports or prepared.options.training_reports
    candidates = list(dict.fromkeys(given)) or list(dict.fromkeys(study[0] for study in pairs.references))
    constants: dict[str, BestConstant] = {}
    if candidates:
        text_keys = [key for key in keys if key not in TEXT_GROUPS["ce"]]
        if text_keys and pairs.references:
            constants |= _text_constants(prepared, candidates, text_keys, not given)
        if pairs.references and any(key in TEXT_GROUPS["findings"] for key in keys):
            from rrgbench.findings.best_constant import best_constant_findings

            texts = [study[0] for study in pairs.references]
            constants |= best_constant_findings(*labelled_texts(texts, candidates, prepared.options))
        if any(key in TEXT_GROUPS["ce"] for key in keys):
            constants |= _label_constants(prepared, candidates)
    kept = {key: constants[key] for key in keys if key in constants}
    return Certificate(kept, "training reports" if given else "references", 0, 0, 0).of_other(pairs.hypotheses)


def _text_constants(
    prepared: PreparedReports, candidates: Sequence[str], keys: Sequence[str], of_references: bool
) -> dict[str, BestConstant]:
    options, (references, _) = prepared.options, prepared.compared
    # a candidate goes through no vocabulary: what a system writes doesn't
    if of_references and options.vocabulary is None:
        prepared_of = {given[0]: ready[0] for given, ready in zip(prepared.pairs.references, references, strict=True)}
        written = [prepared_of[text] for text in candidates]
    else:
        _, written = compared_texts((), candidates, options)
    if options.frequencies is None:
        keys = [key for key in keys if key != "cider"]
    choices = TextChoices(options.frequencies or (), options.protocol.smoothing)
    try:
        return best_constant_reports(references, written, keys, choices)
    except MissingPartError:
        # METEOR's data is not installed, and its value is absent for that reason
        keys = [key for key in keys if key != "meteor"]
        return best_constant_reports(references, written, keys, choices)


def _label_constants(prepared: PreparedReports, candidates: Sequence[str]) -> dict[str, BestConstant]:
    options, (expected, _) = prepared.options, prepared.labelled
    known = None if prepared.labels is None else prepared.labels.known
    at_hand: dict[str, int] = {}
    if prepared.labels is None and options.protocol.labelled_text == "as given":
        at_hand = {study[0]: row for row, study in enumerate(prepared.pairs.references)}
    if all(text in at_hand for text in candidates):
        written = expected[[at_hand[text] for text in candidates]]
    else:
        _, texts = labelled_texts((), candidates, options)
        written = labels_of(options.tool, texts)
    return best_constant_labels(options.clinical_efficacy, expected, written, known)
