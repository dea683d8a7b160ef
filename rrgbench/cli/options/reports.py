"""Files of reports."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rrgbench.scoring.report_files import ReportPairs
    from rrgbench.scoring.report_systems import ReportSource


SystemName = Annotated[
    str,
    typer.Option("--system", help="Of a file with a field system or model, the one to read.", show_default="all rows"),
]


@dataclass(frozen=True)
class ReportOptions:
    """How files of reports are read and brought together."""

    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Field with the study ids.", show_default="told by its name")
    ] = None
    report_column: Annotated[
        str | None, typer.Option("--report-column", help="Field with the reports.", show_default="told by its name")
    ] = None
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Leave out studies without a prediction.")] = (
        False
    )
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Leave out predictions without a reference.")
    ] = False
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Score empty reports as they are.")] = False
    allow_duplicates: Annotated[
        bool, typer.Option("--allow-duplicates", help="Use the first of several rows of a study.")
    ] = False
    allow_ids: Annotated[
        bool, typer.Option("--allow-ids", help="Take ids for the same that differ by an s prefix, zeros, .0 or blanks.")
    ] = False

    @property
    def allow(self) -> list[str]:
        """Names of the allowances that are switched on."""
        return [name.removeprefix("allow_") for name, wanted in vars(self).items() if name[:6] == "allow_" and wanted]

    def read(
        self,
        references: Path,
        predictions: "Mapping[str, ReportSource]",
        systems: "Mapping[str, str] | None" = None,
    ) -> "dict[str, ReportPairs]":
        """Each system's reports beside the references, in the order of the studies' ids.

        Parameters
        ----------
        references : Path
            The file of references.
        predictions : mapping of str to ReportSource
            A file by name; that of the references may be one of them.
        systems : mapping of str to str, optional
            Of files of several systems, the one that is read under a name.

        Raises
        ------
        InputError
            If a file is malformed, ids don't meet, or no file has the named column.
        """
        from rrgbench.errors import InputError
        from rrgbench.scoring.report_files import pair_reports, read_reports
        from rrgbench.scoring.report_shapes import Columns
        from rrgbench.scoring.report_systems import ReportSource
        from rrgbench.scoring.study_order import in_order_of_ids

        columns = Columns(self.id_column, self.report_column)
        chosen = systems or {}
        # rows of several systems may have a reference each, and one system is scored against its own
        same = (one for one in predictions.values() if one.path == references)
        beside = next(same, ReportSource(references))
        own = beside.system_asked_for(next(iter(chosen.values()))) if len(chosen) == 1 else ""
        expected = read_reports(beside, "references", self.allow, columns, own)
        given = {
            name: read_reports(one, "predictions", self.allow, columns, chosen.get(name, ""))
            for name, one in predictions.items()
        }
        for flag, wanted in (("--id-column", self.id_column), ("--report-column", self.report_column)):
            if wanted is not None and not any(one.has(wanted) for one in (expected, *given.values())):
                raise InputError(f"{flag} {wanted}: no file has a field of that name")
        return {name: in_order_of_ids(pair_reports(expected, one, self.allow))[0] for name, one in given.items()}
