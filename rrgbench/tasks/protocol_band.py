"""Task: the same reports under every protocol: how far a number moves with choices that papers leave unsaid."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import field_validator

from rrgbench.errors import RrgbenchError
from rrgbench.labelers import identity_of
from rrgbench.render.record_tables import TRIVIAL, TableDescription
from rrgbench.scoring.protocols import load_protocol, shipped_names
from rrgbench.scoring.reports_in_memory import pair_in_memory
from rrgbench.scoring.sensitivity import under_protocols
from rrgbench.tasks.base import Distinct, Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation

SUFFIX: Final = "_by_protocol"
METRICS: Final = ("bleu_4", "cider", "ce_f1")


class ProtocolBandParameters(TaskParameters):
    """What a suite may set.

    Attributes
    ----------
    protocols : tuple of str or None
        Which are compared; if None all that ship and can be followed. Those of other packages are named: what else is
        installed on a machine is no part of a suite.
    """

    protocols: Annotated[tuple[str, ...], Distinct] | None = None

    @field_validator("protocols")
    @classmethod
    def _known(cls, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in given or ():
            try:
                load_protocol(name)
            except RrgbenchError as error:
                raise ValueError(str(error)) from None
        return given


class ProtocolBand(Task):
    """BLEU-4, CIDEr and CE F1 of a model's reports under each protocol, without intervals; not of trivial systems."""

    name = "protocol_band"
    version = 2
    parameters = ProtocolBandParameters
    reads_reports = True
    tables = tuple(
        TableDescription(f"{title} by protocol", (f"{metric}{SUFFIX}",), apart=("setting",), detail=True, headline=())
        for metric, title in (("bleu_4", "BLEU-4"), ("cider", "CIDEr"), ("ce_f1", "CE F1"))
    )

    def units(self, parameters: Any) -> tuple[Unit, ...]:
        """One; what each protocol chooses, and whether it can be followed here, is part of it."""
        (unit,) = super().units(parameters)
        names = shipped_names() if parameters.protocols is None else parameters.protocols
        known = [load_protocol(name) for name in names]
        told = {one.numbered: [one.choices, one.missing_part, identity_of(one.labeler)] for one in known}
        return (replace(unit, inputs={"protocols": told}),)

    def run(self, evaluation: Evaluation, parameters: Any, unit: Unit) -> Outcome:
        """Score under each protocol."""
        keys: Sequence[str] = [f"{metric}{SUFFIX}" for metric in METRICS]
        if evaluation.model.name in TRIVIAL:
            return Outcome([])
        reports, references = evaluation.reports, evaluation.references
        if reports is None:
            return Outcome(evaluation.blank(self.name, keys, "the model writes no reports"))
        if not references:
            return Outcome(evaluation.blank(self.name, keys, "the films have no reference reports"))
        options = evaluation.scoring.but(metrics=METRICS, certificate=False, allow=("empty",), section=None)
        pairs = pair_in_memory(references, {key: reports[key] for key in references}, ("empty",))
        if parameters.protocols is not None:
            options = options.but(training_reports=evaluation.corpus.texts("train"))
        names = shipped_names() if parameters.protocols is None else parameters.protocols
        found = under_protocols(pairs, names, options)
        records = [
            evaluation.scored(self.name, f"{metric}{SUFFIX}", scores[metric], setting=protocol)
            for protocol, scores in found.scores.items()
            for metric in METRICS
            if metric in scores
        ]
        for protocol, reason in found.absent.items() if parameters.protocols is not None else ():
            records += evaluation.blank(self.name, keys, reason, setting=protocol)
        return Outcome(records)


TASK = ProtocolBand()
