"""Printed figures recomputed from published outputs: printed, ours, their difference, and a verdict."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError, RrgbenchError, listed
from rrgbench.metrics.catalogue import TEXT_GROUPS, entry, in_order
from rrgbench.progress import Progress
from rrgbench.render.json import json_text
from rrgbench.render.table import Cell, Column, Row, Table, Tone
from rrgbench.reproduction.efficacy_search import search_efficacy
from rrgbench.reproduction.figures import Figure
from rrgbench.reproduction.registry import OutputFile, PublishedResult, PublishedSystem
from rrgbench.reproduction.search import Search, search
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import Protocol, load_protocol
from rrgbench.scoring.report_files import ReportFile, ReportPairs, pair_reports, read_reports
from rrgbench.scoring.report_shapes import Columns
from rrgbench.scoring.score import score_pairs
from rrgbench.scoring.study_order import in_order_of_ids

Verdict = Literal["reproduced", "reproduced under another protocol", "not reproducible", "not checked"]

_TONES: Final[Mapping[Verdict, Tone]] = {
    "reproduced": "good",
    "reproduced under another protocol": "open",
    "not reproducible": "bad",
}


@dataclass(frozen=True)
class Material:
    """What figures are recomputed from.

    Attributes
    ----------
    outputs : Path or None
        Folder with the published files.
    references : ReportFile or None
        The corpus's references, for entries that have none of their own.
    training_reports : tuple of str
        Of the same corpus.
    labelers : tuple of str
        Further labelers that the search tries, e.g. `lookup:FILE`.
    """

    outputs: Path | None = None
    references: ReportFile | None = None
    training_reports: tuple[str, ...] = ()
    labelers: tuple[str, ...] = ()

    @classmethod
    def of_file(cls, outputs: Path | None, references: Path | None, training: Path | None = None) -> "Material":
        """Material from files of references and training reports; R2Gen's annotation.json is both."""
        if references is None:
            return cls(outputs)
        splits = references.suffix == ".json" and training is None
        source = training or (references if splits else None)
        texts = read_reports(source, "training").texts.values() if source else ()
        return cls(outputs, read_reports(references, "references"), tuple(text for some in texts for text in some))

    @classmethod
    def of_corpus(cls, outputs: Path | None, corpus: Corpus) -> "Material":
        """Material from a corpus's test and training reports."""
        tested = {study.study_id: (study.report or "",) for study in corpus.reports("test")}
        return cls(outputs, ReportFile(corpus.name, tested), tuple(corpus.texts("train")))


@dataclass(frozen=True)
class Recomputed:
    """One published result, recomputed.

    Attributes
    ----------
    system : str
        Whose.
    result : PublishedResult
        As the registry has it.
    verdict : str
        What came out.
    why : str
        In words: which protocol, how far off, or what is missing.
    values : mapping of str to float
        Ours, by metric key: those of the protocol that makes the figures, else of the stated one; empty where nothing
        could be computed.
    signature : str
        Of values under the stated protocol.
    """

    system: str
    result: PublishedResult
    verdict: Verdict
    why: str
    values: Mapping[str, float] = field(default_factory=dict)
    signature: str = ""

    def difference(self, key: str) -> float | None:
        """Ours minus the printed one."""
        value = self.values.get(key)
        return None if value is None else value - self.result.printed[key].value


@dataclass(frozen=True)
class Reproduction:
    """All results of a registry, recomputed."""

    results: tuple[Recomputed, ...]

    def to_table(self) -> Table:
        """A row a figure below a heading that says the result's verdict; why, as a note."""
        rows, headings, signatures = [], {}, []
        for one in self.results:
            name = f"{one.system}, {one.result.corpus}"
            heading = f"{name}: {one.verdict}"
            headings[heading] = _TONES.get(one.verdict, "")
            signatures += [(name, one.signature)] if one.signature else []
            for key in in_order(one.result.figures):
                figure = one.result.printed[key]
                decimals = max(len(figure.text.partition(".")[2]), 3)
                numbers = (Cell(shown, decimals=decimals) for shown in (one.values.get(key), one.difference(key)))
                rows.append(Row(entry(key).title, (Cell(figure.text, notes=(one.why,)), *numbers), heading))
        columns = (Column("printed", text=True), Column("ours"), Column("difference"))
        return Table("Printed figures", "figure", columns, tuple(rows), (), tuple(signatures), headings=headings)

    def to_json(self) -> str:
        """Each result with printed and recomputed figures."""
        content: list[dict[str, Any]] = [
            {
                "system": one.system,
                "corpus": one.result.corpus,
                "source": one.result.source,
                "protocol": one.result.protocol,
                "verdict": one.verdict,
                "why": one.why,
                "signature": one.signature or None,
                "figures": {
                    key: {"printed": text, "ours": one.values.get(key), "difference": one.difference(key)}
                    for key, text in one.result.figures.items()
                },
            }
            for one in self.results
        ]
        return json_text(content)


def reproduce(
    systems: Sequence[PublishedSystem], material: Material, searching: bool = True, progress: Progress | None = None
) -> Reproduction:
    """Recompute every result of a registry.

    Parameters
    ----------
    systems : sequence of PublishedSystem
        As `load_published` reads them.
    material : Material
        Outputs, references and training reports.
    searching : bool
        Whether other choices are tried where the stated protocol doesn't make the figures.
    progress : callable, optional
        See `rrgbench.progress.Progress`.
    """
    work = [(system.system, result) for system in systems for result in system.results]
    found = []
    for done, (name, result) in enumerate(work):
        if progress is not None:
            progress("recomputing", done, len(work), f"{name}, {result.corpus}")
        found.append(recompute(name, result, material, searching))
    return Reproduction(tuple(found))


def recompute(system: str, result: PublishedResult, material: Material, searching: bool = True) -> Recomputed:
    """Recompute one result; a file that is lacking or another than the registry's is told in the verdict."""
    if result.outputs is None:
        return Recomputed(system, result, "not reproducible", _with("the outputs are not public", result.note))
    try:
        files = _Files(result, material)
        options = scoring(
            load_protocol(result.protocol),
            metrics=tuple(result.figures),
            intervals=False,
            certificate=False,
            training_reports=material.training_reports,
            allow=("empty",),
        )
        scores = score_pairs(files.pairs, options)
    except RrgbenchError as error:
        return Recomputed(system, result, "not checked", str(error))
    values = {key: value.value for key, value in scores.items()}
    signature = str(scores.signature)
    missed = {key: figure for key, figure in result.printed.items() if not figure.fits(values.get(key, float("nan")))}
    if not missed:
        where = f"all digits fit under {options.protocol.identity}"
        return Recomputed(system, result, "reproduced", _with(where, result.note), values, signature)
    if not searching:
        why = f"{', '.join(entry(key).title for key in missed)} don't fit under {options.protocol.identity}"
        return Recomputed(system, result, "not reproducible", _with(why, result.note), values, signature)
    found = _searched(files.pairs, result.printed, options.protocol, material)
    why = _with("; ".join(f"{what}{one.verdict}" for what, one in found.items()), result.note)
    if all(one.fits for one in found.values()):
        made = {key: value for one in found.values() for key, value in one.nearest.values.items()}
        return Recomputed(system, result, "reproduced under another protocol", why, made)
    return Recomputed(system, result, "not reproducible", why, values, signature)


def _searched(
    pairs: ReportPairs, printed: Mapping[str, Figure], stated: Protocol, material: Material
) -> dict[str, Search]:
    """What is found of the text metrics and of clinical efficacy, by what the verdict is of."""
    texts = {key: one for key, one in printed.items() if key not in TEXT_GROUPS["ce"]}
    labels = {key: one for key, one in printed.items() if key in TEXT_GROUPS["ce"]}
    found: dict[str, Search] = {}
    if texts:
        found["text metrics: " if labels else ""] = search(pairs, texts, stated, material.training_reports)
    if labels:
        found["clinical efficacy: " if texts else ""] = search_efficacy(
            pairs, labels, stated, material.training_reports, material.labelers
        )
    return found


def published_pairs(result: PublishedResult, material: Material) -> ReportPairs:
    """References and public outputs of a result, checked against the registry's digests.

    Raises
    ------
    InputError
        If a file is lacking, or is another than the one that the registry names.
    """
    return _Files(result, material).pairs


def published(references: ReportFile, outputs: ReportFile) -> ReportPairs:
    """References and published outputs, some of which are empty, in the order of the studies' ids."""
    return in_order_of_ids(pair_reports(references, outputs, ("empty",)))[0]


class _Files:
    """The files of a result, checked against its digests."""

    def __init__(self, result: PublishedResult, material: Material) -> None:
        self.result, self.material = result, material

    @cached_property
    def pairs(self) -> ReportPairs:
        """References and outputs.

        Raises
        ------
        InputError
            If a file is lacking, or is another than the one that the registry names.
        """
        if self.result.outputs is None:
            raise InputError("the outputs are not public")
        outputs = self._read(self.result.outputs, "predictions")
        if self.result.references is not None:
            return published(self._read(self.result.references, "references"), outputs)
        if self.material.references is None:
            raise InputError(f"no references of {self.result.corpus}; give them (--references FILE, or --corpus NAME)")
        return published(self.material.references, outputs)

    def _read(self, wanted: OutputFile, role: Literal["predictions", "references"]) -> ReportFile:
        origin = f", published at {wanted.origin}" if wanted.origin else ""
        if self.material.outputs is None:
            named = f"{wanted.file} (SHA-256 {wanted.sha256[:12]}{origin})"
            raise InputError(f"{named} is needed; name its folder (--outputs)")
        path = self.material.outputs / wanted.file
        if not path.is_file():
            raise InputError(
                f"{wanted.file} (SHA-256 {wanted.sha256[:12]}{origin}) is not in {self.material.outputs.name}"
            )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != wanted.sha256:
            raise InputError(
                f"{wanted.file} has SHA-256 {digest[:12]}, not {wanted.sha256[:12]} as the registry says: another file"
            )
        found = read_reports(path, role, columns=Columns(wanted.study_id, wanted.report))
        if absent := [name for name in (wanted.study_id, wanted.report) if name is not None and not found.has(name)]:
            raise InputError(f"{wanted.file} has no column {listed(absent)}, which the registry names")
        return found


def _with(why: str, note: str) -> str:
    return f"{why}; {note}" if note else why
