"""Which published systems lose to a constant report, on which metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrgbench.errors import InputError
from rrgbench.metrics.catalogue import entry, in_order
from rrgbench.progress import Progress
from rrgbench.render.json import json_text
from rrgbench.render.table import Cell, Column, Row, Table, Tone
from rrgbench.reproduction.recompute import Material, published, published_pairs
from rrgbench.reproduction.registry import PublishedSystem
from rrgbench.scoring.options import Scoring, scoring
from rrgbench.scoring.report_files import ReportPairs, read_reports
from rrgbench.scoring.report_systems import ReportSource
from rrgbench.scoring.score import score_pairs
from rrgbench.scoring.values import Scores, finite


@dataclass(frozen=True)
class Certified:
    """Published outputs, scored with the certificate.

    Attributes
    ----------
    system, corpus : str
        Whose, on what.
    scores : Scores
        All metrics of the protocol.
    """

    system: str
    corpus: str
    scores: Scores


@dataclass(frozen=True)
class ConstantTable:
    """Systems beside the best constant report."""

    systems: tuple[Certified, ...]

    @property
    def metrics(self) -> list[str]:
        """Keys that some system has a value of, in the order of tables."""
        return in_order(list(dict.fromkeys(key for one in self.systems for key in one.scores)))

    def to_table(self) -> Table:
        """Two rows a system, its own values and the best constant's; `!` marks what loses."""
        rows, remarks, signatures = [], [], []
        for one in self.systems:
            certificate = one.scores.certificate
            if certificate is None:
                raise ValueError(f"{one.system} was scored without a certificate")
            name = f"{one.system}, {one.corpus}"
            lost, group = certificate.beaten(one.scores), f"{name}: constant from {certificate.candidates}"
            own = [
                Cell(finite(one.scores[key].value), superscript="!" if key in lost else "")
                if key in one.scores
                else Cell()
                for key in self.metrics
            ]
            constant = [certificate.cell(key) if key in one.scores else Cell() for key in self.metrics]
            distinct = Cell(certificate.distinct, decimals=0, superscript="!" if certificate.few else "")
            rows.append(Row(one.system, (*own, distinct), group))
            rows.append(Row("best constant", (*constant, Cell(1, decimals=0)), group))
            remarks += [f"! {name}: {text}" for text in certificate.warnings(one.scores)]
            signatures.append((name, str(one.scores.signature)))
        columns = (*(Column(entry(key).title) for key in self.metrics), Column("distinct"))
        headings: dict[str, Tone] = {row.group: "" for row in rows}
        title = "Published systems beside the best constant report"
        return Table(title, "system", columns, tuple(rows), tuple(remarks), tuple(signatures), headings=headings)

    def to_markdown(self) -> str:
        """The table, with remarks and signatures below."""
        from rrgbench.render.markdown import markdown_table

        return markdown_table(self.to_table())

    def to_latex(self) -> str:
        """A booktabs table."""
        from rrgbench.render.latex import latex_tabular

        return latex_tabular(self.to_table())

    def to_json(self) -> str:
        """Each system's values and certificate."""
        content: list[dict[str, Any]] = [
            {
                "system": one.system,
                "corpus": one.corpus,
                "signature": str(one.scores.signature),
                "values": {key: finite(value.value) for key, value in one.scores.items()},
                "certificate": one.scores.certificate and one.scores.certificate.to_json(one.scores),
            }
            for one in self.systems
        ]
        return json_text(content)


def certified(
    systems: Sequence[PublishedSystem],
    material: Material,
    files: Sequence[tuple[Path, str]] = (),
    progress: Progress | None = None,
) -> ConstantTable:
    """Score published outputs with the certificate.

    Parameters
    ----------
    systems : sequence of PublishedSystem
        Those results whose outputs are public are scored under their protocols, all metrics of it.
    material : Material
        Outputs, references and training reports.
    files : sequence of (Path, str)
        Files that hold several systems' reports beside the references, each with its protocol.
    progress : callable, optional
        See `rrgbench.progress.Progress`.

    Raises
    ------
    InputError
        If a file is lacking or another than the registry's, or there is nothing to score.
    """
    work: list[tuple[str, str, ReportPairs, Scoring]] = []
    seen: set[tuple[str, str]] = set()
    for system in systems:
        for result in system.results:
            if result.outputs is None or (result.outputs.sha256, result.protocol) in seen:
                continue
            seen.add((result.outputs.sha256, result.protocol))
            # the protocol's references may be the publisher's own, and then so are its candidates
            training = () if result.references is not None else material.training_reports
            options = _options(result.protocol, training_reports=training)
            work.append((system.system, result.corpus, published_pairs(result, material), options))
    for path, protocol in files:
        source = ReportSource(path)
        names = source.systems
        if not names:
            raise InputError(f"{path.name} has no field that names systems")
        for name in names:
            expected = read_reports(source, "references", system=name)
            given = read_reports(source, "predictions", system=name)
            work.append((name, path.name, published(expected, given), _options(protocol)))
    if not work:
        raise InputError("no published outputs to score; name their folder (--outputs) or a file (--systems)")
    found = []
    for done, (name, corpus, pairs, options) in enumerate(work):
        if progress is not None:
            progress("scoring", done, len(work), name)
        found.append(Certified(name, corpus, score_pairs(pairs, options)))
    return ConstantTable(tuple(found))


def _options(protocol: str, **more: Any) -> Scoring:
    return scoring(protocol, intervals=False, allow=("empty",), **more)
