"""One set of predictions under several protocols: how far a number moves with choices that papers leave unsaid."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from rrgbench.errors import InputError, MissingPartError, RrgbenchError
from rrgbench.labelers import Labeler
from rrgbench.labelers import load as load_labeler
from rrgbench.labelers.lookup import remembering
from rrgbench.metrics.catalogue import entry, in_order
from rrgbench.metrics.clinical_efficacy import Averaging, ClinicalEfficacy, Uncertainty
from rrgbench.render.json import json_text
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.scoring.options import Scoring, scoring
from rrgbench.scoring.protocols import Protocol, loadable_protocols, protocol_names
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import other_section, score_pairs, wanted_metrics
from rrgbench.scoring.values import Scores, finite


@dataclass(frozen=True)
class ProtocolTable:
    """Scores of one set of predictions, a row for each protocol or choice.

    Attributes
    ----------
    scores : mapping of str to Scores
        By row name.
    absent : mapping of str to str
        Protocols that could not be followed here, with the reason.
    remarks : tuple of str
        What readers must know of the whole.
    """

    scores: Mapping[str, Scores]
    absent: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def metrics(self) -> list[str]:
        """Metric keys in the order of tables."""
        return in_order(list(dict.fromkeys(key for scores in self.scores.values() for key in scores)))

    def spread(self, metric: str) -> tuple[float, float]:
        """Smallest and largest value of a metric over the rows (NaN where no row has it)."""
        values = [scores[metric].value for scores in self.scores.values() if metric in scores]
        defined = [value for value in values if not math.isnan(value)]
        return (min(defined), max(defined)) if defined else (math.nan, math.nan)

    def to_table(self) -> Table:
        """A row a protocol, then the lowest and highest value of each metric and their difference."""
        rows = [
            Row(name, tuple(scores[key].cell if key in scores else Cell() for key in self.metrics))
            for name, scores in self.scores.items()
        ]
        for name, reason in self.absent.items():
            # the row says which protocol, so that equal reasons are one note
            note = f"left out: {re.sub('^protocol [^ ]+ ', '', reason)}"
            rows.append(Row(name, tuple(Cell(notes=(note,)) for _ in self.metrics)))
        spreads = [self.spread(key) for key in self.metrics]
        for name, values in (
            ("lowest", [low for low, _ in spreads]),
            ("highest", [high for _, high in spreads]),
            ("moves by", [high - low for low, high in spreads]),
        ):
            rows.append(Row(name, tuple(Cell(finite(value)) for value in values), "spread"))
        columns = tuple(Column(entry(key).title) for key in self.metrics)
        signatures = tuple((name, str(scores.signature)) for name, scores in self.scores.items())
        title = "One set of predictions, every protocol"
        return Table(title, "protocol", columns, tuple(rows), self.remarks, signatures)

    def to_markdown(self) -> str:
        """A table with every row's signature below."""
        from rrgbench.render.markdown import markdown_table

        return markdown_table(self.to_table())

    def to_latex(self) -> str:
        """A booktabs table with every row's signature as a comment."""
        from rrgbench.render.latex import latex_tabular

        return latex_tabular(self.to_table())

    def to_json(self) -> str:
        """Every row's scores."""
        content: dict[str, Any] = {name: json.loads(scores.to_json()) for name, scores in self.scores.items()}
        return json_text(content | {name: {"left_out": reason} for name, reason in self.absent.items()})


def under_protocols(
    pairs: ReportPairs,
    protocols: Iterable[str | Path | Protocol] | None = None,
    options: Scoring | None = None,
    progress: Callable[[str], None] | None = None,
) -> ProtocolTable:
    """Score one set of predictions under each protocol, without intervals.

    Parameters
    ----------
    pairs : ReportPairs
        References and hypotheses.
    protocols : iterable of str, Path or Protocol, optional
        As `load_protocol` takes them; all by default. One of your own is the row of its identity.
    options : Scoring, optional
        All choices but the protocol.
    progress : callable, optional
        Called with a line for each step.

    Returns
    -------
    ProtocolTable

    Raises
    ------
    UnknownNameError
        If a protocol or metric is not known.
    MissingPartError
        If none of the protocols can be followed with what is installed.
    InputError
        If none compares the stated section.
    """
    given = options or scoring()
    # Weights of other packages' metrics are loaded once for all protocols.
    keys, external = wanted_metrics(given)
    plain = given.but(intervals=False, **({} if given.metrics is None else {"metrics": (*keys, *external)}))
    labelers: dict[str, Labeler] = {}
    scores: dict[str, Scores] = {}
    absent: dict[str, str] = {}
    refusal: type[RrgbenchError] = MissingPartError
    known = protocol_names()
    if protocols is None:
        loaded, absent = loadable_protocols()
        protocols = list(loaded)
    for given_protocol in protocols:
        chosen = plain.but(protocol=given_protocol)
        name = str(given_protocol) if given_protocol in known else chosen.protocol.identity
        if progress:
            progress(f"scoring under {name}")
        if reason := other_section(chosen) or chosen.lacking:
            absent[name], refusal = reason, InputError
            continue
        if chosen.protocol.missing_part:
            absent[name] = chosen.protocol.missing_part
            continue
        tool = labelers.setdefault(chosen.tool.identity, remembering(chosen.tool))
        scores[name] = score_pairs(pairs, chosen.but(labeler=tool))
    if not scores:
        raise refusal("; ".join(dict.fromkeys(absent.values())))
    return ProtocolTable(scores, absent)


def under_efficacy_choices(pairs: ReportPairs, options: Scoring | None = None) -> ProtocolTable:
    """Clinical efficacy of one set of predictions under every averaging, uncertainty and number of observations.

    Returns
    -------
    ProtocolTable
        24 rows, named e.g. `micro/positive/14`.
    """
    given = options or scoring()
    plain = given.but(metrics=("ce",), intervals=False, certificate=False, labeler=remembering(given.tool))
    sizes: tuple[Literal[14, 5], ...] = (14, 5)
    return ProtocolTable(
        {
            f"{averaging}/{uncertain}/{observations}": score_pairs(
                pairs, plain.but(efficacy=ClinicalEfficacy(averaging, observations, uncertain))
            )
            for averaging, uncertain, observations in product(get_args(Averaging), get_args(Uncertainty), sizes)
        }
    )


@dataclass(frozen=True)
class LabelerBand:
    """One clinical-efficacy number and how far it moves with the labeler and the reading of "uncertain".

    Attributes
    ----------
    metric : str
        Its key.
    value : float
        Under the first labeler and the protocol's reading.
    labelers : tuple of str
        Identities.
    table : ProtocolTable
        A row for each labeler and reading, named e.g. `rules@3/positive`.
    """

    metric: str
    value: float
    labelers: tuple[str, ...]
    table: ProtocolTable

    @property
    def cell(self) -> Cell:
        """The number with the band in an interval's place."""
        low, high = self.table.spread(self.metric)
        return Cell(finite(self.value), finite(low), finite(high), notes=(f"band: {self.text}",))

    @property
    def over(self) -> str:
        """What the band is over, in words."""
        tools = f"labeler{'s' if len(self.labelers) > 1 else ''} {', '.join(self.labelers)}"
        return f"{tools} and the readings of uncertain"

    @property
    def text(self) -> str:
        """The band in a line."""
        low, high = self.table.spread(self.metric)
        return f"{entry(self.metric).title} {self.value:.3f}; {low:.3f} to {high:.3f} over {self.over}"


def labeler_band(
    pairs: ReportPairs, labelers: Sequence[str | Labeler], options: Scoring | None = None, metric: str = "ce_f1"
) -> LabelerBand:
    """Clinical efficacy of one set of predictions under each labeler and each reading of uncertain mentions.

    Parameters
    ----------
    pairs : ReportPairs
        References and hypotheses.
    labelers : sequence of str or Labeler
        By name, or loaded; the first gives the number itself.
    options : Scoring, optional
        All choices but the labeler and the reading.
    metric : {"ce_f1", "ce_precision", "ce_recall"}
        The number whose band is told.

    Raises
    ------
    InputError
        If no labeler is given, or two are the same.
    """
    given = (options or scoring()).but(metrics=("ce",), intervals=False, certificate=False)
    tools = [load_labeler(one) if isinstance(one, str) else one for one in labelers]
    names = tuple(tool.identity for tool in tools)
    if not tools or len(set(names)) < len(names):
        raise InputError(f"a band needs labelers that differ; given: {', '.join(names) or 'none'}")
    scores: dict[str, Scores] = {}
    for tool in tools:
        labelled = remembering(tool)
        for uncertain in get_args(Uncertainty):
            choices = replace(given.clinical_efficacy, uncertain=uncertain)
            scores[f"{tool.identity}/{uncertain}"] = score_pairs(pairs, given.but(labeler=labelled, efficacy=choices))
    own = f"{names[0]}/{given.clinical_efficacy.uncertain}"
    band = LabelerBand(metric, scores[own][metric].value, names, ProtocolTable(scores))
    return replace(band, table=ProtocolTable(scores, remarks=(band.text,)))
