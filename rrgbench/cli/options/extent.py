"""How much of a suite is run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.comma_lists import comma_list

if TYPE_CHECKING:
    from rrgbench.tasks.suite import Suite


@dataclass(frozen=True)
class ExtentOptions:
    """How much of a suite is run, and by which means."""

    tasks: Annotated[
        str | None,
        typer.Option(
            "--tasks", help="Comma-separated tasks (rrgbench list tasks) to run alone.", show_default="the suite's"
        ),
    ] = None
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            help="Comma-separated keys, groups or plug-ins (rrgbench list metrics) to measure alone.",
            show_default="the suite's",
            autocompletion=completion.metrics,
        ),
    ] = None
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="At most so many studies.", show_default="the suite's")
    ] = None
    batch_size: Annotated[
        str | None,
        typer.Option("--batch-size", help="Studies that a model is given at a time; auto where its loader knows it."),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Processes of the backend, or, without one, those that decode films.",
            show_default="all cores",
        ),
    ] = None
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend",
            help="What measures units of work: processes (of this machine), dask or ray.",
            show_default="this process, one after the other",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            help="Address of the Dask scheduler or Ray cluster.",
            show_default="workers started on this machine",
        ),
    ] = None
    cases: Annotated[
        bool | None,
        typer.Option(
            "--cases/--no-cases",
            help="Whether films and texts of some studies stand on the run's page; such a page of real patients stays "
            "where their data may be.",
            show_default="only of synthetic corpora",
        ),
    ] = None

    def suite(self, name: str) -> "Suite":
        """A suite by name or file, as far as it is to be run.

        Raises
        ------
        InputError, UnknownNameError
            As `rrgbench.tasks.suite.load_suite` and `narrowed`.
        """
        from rrgbench.tasks.suite import load_suite, narrowed

        tasks, metrics = comma_list(self.tasks, "--tasks"), comma_list(self.metrics, "--metrics")
        chosen = narrowed(load_suite(name), tasks=tasks, metrics=metrics, limit=self.limit)
        if self.cases is None or (not self.cases and "cases" not in chosen.tasks):
            return chosen
        return chosen.with_task("cases", texts="all" if self.cases else "none")

    @property
    def studies_at_a_time(self) -> int | None:
        """The batch size if it is a number.

        Raises
        ------
        InputError
            If it is neither a number from 1 up nor `auto`.
        """
        from rrgbench.errors import InputError

        if self.batch_size is None or self.batch_size == "auto":
            return None
        if not self.batch_size.isdecimal() or not int(self.batch_size):
            raise InputError(f"--batch-size {self.batch_size}: expected a whole number from 1 up, or auto")
        return int(self.batch_size)
