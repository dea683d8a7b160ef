"""One set of predictions under several protocols: how far a number moves with choices that papers leave unsaid."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, get_args

from rrgbench.errors import MissingPartError
from rrgbench.labelers import Labeler, RememberingLabeler, load
from rrgbench.metrics.clinical_efficacy import Averaging, ClinicalEfficacy, Uncertainty
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.scoring.protocols import PROTOCOLS, load_protocol
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score_pairs, wanted_metrics
from rrgbench.scoring.values import Scores, latex_escaped, number, ordered, title


@dataclass(frozen=True)
class ProtocolTable:
    """Scores of one set of predictions, a row for each protocol or choice.

    Attributes
    ----------
    scores : mapping of str to Scores
        By row name.
    absent : mapping of str to str
        Protocols that could not be followed here, with the reason.
    """

    scores: Mapping[str, Scores]
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """Metric keys in the order of tables."""
        return ordered(list(dict.fromkeys(key for scores in self.scores.values() for key in scores)))

    def spread(self, metric: str) -> tuple[float, float]:
        """Smallest and largest value of a metric over the rows (NaN where no row has it)."""
        values = [scores[metric].value for scores in self.scores.values() if metric in scores]
        defined = [value for value in values if not math.isnan(value)]
        return (min(defined), max(defined)) if defined else (math.nan, math.nan)

    def rows(self) -> list[list[str]]:
        """Cells of the table: one row for each protocol, then the lowest, the highest and their difference."""
        table = [
            [name, *(number(scores[key].value) if key in scores else "-" for key in self.metrics)]
            for name, scores in self.scores.items()
        ]
        spreads = [self.spread(key) for key in self.metrics]
        table.append(["lowest", *(number(low) for low, _ in spreads)])
        table.append(["highest", *(number(high) for _, high in spreads)])
        table.append(["moves by", *(number(high - low) for low, high in spreads)])
        return table

    def header(self) -> list[str]:
        """Column titles."""
        return ["protocol", *(title(key) for key in self.metrics)]

    def footnotes(self) -> list[str]:
        """Every row's signature, then why protocols are absent."""
        signatures = [f"{name}: {scores.signature}" for name, scores in self.scores.items()]
        return signatures + [f"{name} left out: {reason}" for name, reason in self.absent.items()]

    def to_markdown(self) -> str:
        """A table with every row's signature below."""
        lines = [f"| {' | '.join(self.header())} |", "|---|" + "---|" * len(self.metrics)]
        lines += [f"| {' | '.join(row)} |" for row in self.rows()]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.footnotes()), ""])

    def to_latex(self) -> str:
        """A booktabs table with every row's signature as a comment."""
        rows = [" & ".join(latex_escaped(cell) for cell in row) + r" \\" for row in self.rows()]
        return "\n".join(
            [
                *(f"% {note}" for note in self.footnotes()),
                f"\\begin{{tabular}}{{l{'r' * len(self.metrics)}}}",
                r"\toprule",
                " & ".join(latex_escaped(cell) for cell in self.header()) + r" \\",
                r"\midrule",
                *rows[:-3],
                r"\midrule",
                *rows[-3:],
                r"\bottomrule",
                r"\end{tabular}",
                "",
            ]
        )

    def to_json(self) -> str:
        """Every row's scores."""
        content: dict[str, Any] = {name: json.loads(scores.to_json()) for name, scores in self.scores.items()}
        return json.dumps(content, indent=2, ensure_ascii=False)


def under_protocols(
    pairs: ReportPairs,
    protocols: Iterable[str] = tuple(PROTOCOLS),
    metrics: Iterable[str | ExternalMetric] | None = None,
    labeler: str | Labeler | None = None,
    corpus: str = "unnamed",
    split: str = "unknown",
    progress: Callable[[str], None] | None = None,
) -> ProtocolTable:
    """Score one set of predictions under each protocol, without intervals.

    Parameters
    ----------
    pairs : ReportPairs
        References and hypotheses.
    protocols : iterable of str
        Their names; all by default.
    metrics, labeler, corpus, split, progress
        As in `rrgbench.score`.

    Returns
    -------
    ProtocolTable

    Raises
    ------
    UnknownNameError
        If a protocol or metric is not known.
    MissingPartError
        If none of the protocols can be followed with what is installed.
    """
    # Weights of other packages' metrics are loaded once for all protocols.
    keys, external = wanted_metrics(metrics)
    wanted: list[str | ExternalMetric] = [*keys, *external]
    labelers: dict[str, RememberingLabeler] = {}
    scores: dict[str, Scores] = {}
    absent: dict[str, str] = {}
    for name in protocols:
        if progress:
            progress(f"scoring under {name}")
        chosen = load_protocol(name)
        if chosen.missing_part:
            absent[name] = chosen.missing_part
            continue
        tool = _remembered(labelers, chosen.labeler if labeler is None else labeler)
        scores[name] = score_pairs(pairs, chosen, wanted, False, labeler=tool, corpus=corpus, split=split)
    if not scores:
        raise MissingPartError("; ".join(dict.fromkeys(absent.values())))
    return ProtocolTable(scores, absent)


def under_efficacy_choices(
    pairs: ReportPairs,
    protocol: str = "dcrrg",
    labeler: str | Labeler | None = None,
    corpus: str = "unnamed",
    split: str = "unknown",
) -> ProtocolTable:
    """Clinical efficacy of one set of predictions under every averaging, uncertainty and number of observations.

    Returns
    -------
    ProtocolTable
        24 rows, named e.g. `micro/positive/14`.
    """
    chosen = load_protocol(protocol)
    tool = _remembered({}, chosen.labeler if labeler is None else labeler)
    scores = {}
    sizes: tuple[Literal[14, 5], ...] = (14, 5)
    for averaging, uncertain, observations in product(get_args(Averaging), get_args(Uncertainty), sizes):
        scores[f"{averaging}/{uncertain}/{observations}"] = score_pairs(
            pairs,
            chosen,
            ["ce"],
            False,
            labeler=tool,
            corpus=corpus,
            split=split,
            efficacy=ClinicalEfficacy(averaging, observations, uncertain),
        )
    return ProtocolTable(scores)


def _remembered(labelers: dict[str, RememberingLabeler], labeler: str | Labeler) -> RememberingLabeler:
    if not isinstance(labeler, str):
        return labelers.setdefault(labeler.identity, RememberingLabeler(labeler))
    return labelers.setdefault(labeler, RememberingLabeler(load(labeler)))
