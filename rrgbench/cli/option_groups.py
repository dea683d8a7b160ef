"""Options that several commands share, each written once.

A group is a frozen dataclass whose fields are options. A command takes it as one parameter, `reports: ReportOptions`,
and `grouped` gives the command line the fields in its place:

    @grouped
    def score(predictions: ..., reports: ReportOptions, form: OutputForm) -> None: ...
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from rrgbench.cli import completion

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus
    from rrgbench.labelers import Labeler
    from rrgbench.metrics.external.plug_in import ExternalMetric
    from rrgbench.models import Model
    from rrgbench.scoring.options import Scoring
    from rrgbench.scoring.report_files import ReportFile, ReportPairs
    from rrgbench.tasks.suite import Suite


_MODELS_OWN: Final = {"name": "give --model NAME", "checkpoint": "give --checkpoint, or --model NAME=CHECKPOINT"}
_CORPUS_OWN: Final = {
    "root": "give --root",
    "reports": "give --reports",
    "reports_root": "give --reports-root",
    "reports_options": "give --reports-option",
}
"""What loaders take that has a flag of its own."""


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters that are option groups stand as their single options on the command line."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    shown: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            shown.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        options = get_type_hints(groups[name], include_extras=True)
        shown += [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=options[field.name]
            )
            for field in fields(groups[name])
        ]

    @wraps(command)
    def expanded(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    # typer reads a command's options from its signature
    setattr(expanded, "__signature__", inspect.Signature(shown))  # noqa: B010
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return expanded


def listed_option(flag: str, words: str, **more: Any) -> Any:
    """An option that may be given several times."""
    return typer.Option(*flag.split("/"), help=words, show_default=False, **more)


ALL_MODELS = "all"

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

ProtocolName = Annotated[
    str,
    typer.Option(
        "--protocol",
        help="A protocol by name, as name@version, or a YAML file (rrgbench list protocols).",
        autocompletion=completion.protocols,
    ),
]

LabelerName = Annotated[
    str,
    typer.Option("--labeler", help="A labeler (rrgbench list labelers).", autocompletion=completion.labelers),
]


@dataclass(frozen=True)
class OutputForm:
    """The form in which a result is printed."""

    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table (booktabs).")] = False
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False

    def __post_init__(self) -> None:
        """Refuse two forms at once."""
        chosen = [f"--{name}" for name, wanted in vars(self).items() if wanted]
        if len(chosen) > 1:
            raise typer.BadParameter(f"{' and '.join(chosen)} exclude each other")

    def printed(self, result: Any) -> bool:
        """Print `result.to_json()`, `.to_latex()` or `.to_markdown()` if one was asked for."""
        if self.json:
            typer.echo(result.to_json())
        elif self.latex:
            typer.echo(result.to_latex(), nl=False)
        elif self.markdown:
            typer.echo(result.to_markdown(), nl=False)
        return self.json or self.latex or self.markdown


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

    def read(self, references: Path, predictions: "dict[str, Path]") -> "dict[str, ReportPairs]":
        """Each system's reports beside the references.

        Raises
        ------
        InputError
            If a file is malformed, ids don't meet, or no file has the named column.
        """
        from rrgbench.errors import InputError
        from rrgbench.scoring.report_files import pair_reports, read_reports
        from rrgbench.scoring.report_shapes import Columns

        columns = Columns(self.id_column, self.report_column)
        expected = read_reports(references, "references", self.allow, columns)
        given = {name: read_reports(path, "predictions", self.allow, columns) for name, path in predictions.items()}
        for flag, wanted in (("--id-column", self.id_column), ("--report-column", self.report_column)):
            if wanted is not None and not any(_has(one, wanted) for one in (expected, *given.values())):
                raise InputError(f"{flag} {wanted}: no file has a field of that name")
        return {name: pair_reports(expected, one, self.allow) for name, one in given.items()}


def _has(file: "ReportFile", column: str) -> bool:
    return column.strip().lower() in {name.strip().lower() for name in file.fields}


@dataclass(frozen=True)
class MetricOptions:
    """Which metrics and which labeler, and what the texts are."""

    metrics: Annotated[
        str,
        typer.Option(
            "--metrics",
            "--metric",
            help="Comma-separated keys, groups or plug-ins (rrgbench list metrics), e.g. nlg,bertscore.",
            show_default="all of our own",
            autocompletion=completion.metrics,
        ),
    ] = ""
    metric_options: Annotated[
        list[str] | None,
        listed_option("--metric-option", "An option of a plug-in metric, e.g. bertscore.model=FOLDER; repeatable."),
    ] = None
    labeler: Annotated[
        str,
        typer.Option(
            "--labeler",
            help="Labeler for clinical efficacy.",
            show_default="the protocol's",
            autocompletion=completion.labelers,
        ),
    ] = ""
    labeler_options: Annotated[
        list[str] | None,
        listed_option(
            "--labeler-option",
            "An option of the --labeler, e.g. weights=chexbert.pth or cache=labels.sqlite; repeatable.",
        ),
    ] = None
    corpus: Annotated[str, typer.Option(help="Corpus name for signatures; its digest is added.")] = "unnamed"
    split: Annotated[str, typer.Option(help="Split name for signatures.")] = "unknown"
    section: Annotated[
        str | None,
        typer.Option(
            "--section", help="Which part of the report the texts are: findings, impression or findings and impression."
        ),
    ] = None

    training_reports: Annotated[
        Path | None,
        typer.Option(
            "--training-reports",
            help="Reports of the training split, for protocols with a vocabulary (r2gen and its kin).",
        ),
    ] = None
    frequency_reports: Annotated[
        Path | None,
        typer.Option("--frequency-reports", help="Reports whose document frequencies CIDEr takes (rgrg, miura)."),
    ] = None
    allow_vocabulary: Annotated[
        bool, typer.Option("--allow-vocabulary", help="Do without a vocabulary where no training reports are given.")
    ] = False

    def scoring(self, protocol: str = "dcrrg", **more: Any) -> "Scoring":
        """The scoring that the options ask for, metrics of other packages and labelers with options loaded."""
        from rrgbench.scoring.options import scoring

        return scoring(
            protocol,
            metrics=self._metrics(),
            labeler=self._labeler(),
            corpus=self.corpus,
            split=self.split,
            section=self.section,
            training_reports=self.training_reports,
            frequency_reports=self.frequency_reports,
            allow=["vocabulary"] if self.allow_vocabulary else [],
            **more,
        )

    def _metrics(self) -> "list[str | ExternalMetric] | None":
        chosen: list[str | ExternalMetric] = [name.strip() for name in self.metrics.split(",")] if self.metrics else []
        by_metric: dict[str, dict[str, str]] = {}
        for given in self.metric_options or []:
            target, equals, value = given.partition("=")
            metric, _, option = target.partition(".")
            if not equals or option in ("", "name"):
                raise typer.BadParameter(f"{given!r}; expected METRIC.OPTION=VALUE", param_hint="--metric-option")
            if metric not in chosen:
                raise typer.BadParameter(
                    f"{given!r}, but {metric!r} is not among --metrics", param_hint="--metric-option"
                )
            by_metric.setdefault(metric, {})[option] = value
        if by_metric:
            from rrgbench.metrics.external.loading import load_metric

            loaded = {name: load_metric(name, **its_options) for name, its_options in by_metric.items()}
            chosen = [loaded.get(name, name) if isinstance(name, str) else name for name in chosen]
        return chosen or None

    def _labeler(self) -> "str | Labeler | None":
        chosen: dict[str, Any] = {}
        for given in self.labeler_options or []:
            option, equals, value = given.partition("=")
            if not equals or not value or option == "name":
                raise typer.BadParameter(f"{given!r}; expected OPTION=VALUE", param_hint="--labeler-option")
            chosen[option] = value
        if not chosen:
            return self.labeler or None
        if not self.labeler:
            raise typer.BadParameter("says nothing without --labeler", param_hint="--labeler-option")
        from rrgbench.errors import InputError
        from rrgbench.labelers import load

        if "batch_tokens" in chosen:
            if not chosen["batch_tokens"].isdecimal():
                raise InputError(f"batch_tokens is {chosen['batch_tokens']!r}; expected a whole number")
            chosen["batch_tokens"] = int(chosen["batch_tokens"])
        return load(self.labeler, **chosen)


@dataclass(frozen=True)
class ModelOptions:
    """Which models, and what their loaders are told."""

    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="NAME (rrgbench list models), NAME=CHECKPOINT, NAME:ARGUMENT such as hf:ID, or all; repeatable.",
            show_default="dcrrg",
            autocompletion=completion.models_or_all,
        ),
    ] = None
    predictions: Annotated[
        list[str] | None,
        listed_option(
            "--predictions",
            "FILE or NAME=FILE of a system that ran elsewhere: reports, probabilities (.csv, .npz), embeddings (.npz); "
            "files of one NAME are one system; repeatable.",
        ),
    ] = None
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            help="A trained folder, the name of a shipped checkpoint, or hf:ID. For all: a folder of folders.",
            show_default="the shipped one",
        ),
    ] = None
    model_options: Annotated[
        list[str] | None,
        listed_option("--model-option", "An option KEY=VALUE of the models' loaders; repeatable."),
    ] = None
    device: Annotated[
        str | None, typer.Option("--device", help="Where models run: cpu, cuda, cuda:1.", show_default="a GPU if any")
    ] = None
    dtype: Annotated[str | None, typer.Option("--dtype", help="Number format of the weights, such as bf16.")] = None
    base_url: Annotated[str | None, typer.Option("--base-url", help="Where an openai: model is served.")] = None
    prompt: Annotated[str | None, typer.Option("--prompt", help="What an hf: or openai: model is asked.")] = None

    @property
    def loader_options(self) -> dict[str, Any]:
        """What loaders are told, by the names of their parameters."""
        named = {name: getattr(self, name) for name in ("device", "dtype", "base_url", "prompt")}
        options = {name: value for name, value in named.items() if value is not None}
        return {**key_values(self.model_options, "--model-option", _MODELS_OWN), **options}

    def check_names(self) -> None:
        """Refuse unknown names before anything is read.

        Raises
        ------
        UnknownNameError
            With the nearest known name.
        """
        from rrgbench.models import MODELS, split_checkpoint
        from rrgbench.registry import lookup, split_argument

        for asked in self.model or ():
            name = split_argument(MODELS, split_checkpoint(asked)[0])[0]
            lookup("model", name, [*MODELS.names(), ALL_MODELS])

    @property
    def all(self) -> bool:
        """Whether all registered models are asked for."""
        return self.model == [ALL_MODELS]

    def open(
        self, reading: "ReportOptions", chosen_beside: "Sequence[str]" = (), batch_size: "int | str | None" = None
    ) -> "tuple[list[Model], dict[str, str]]":
        """The models, and why others of all registered ones are left out.

        Parameters
        ----------
        reading : ReportOptions
            How files of predictions are read.
        chosen_beside : sequence of str
            Models that stand beside them anyway.
        batch_size : int or "auto", optional
            For loaders that take one.

        Raises
        ------
        InputError
            If a checkpoint is given for several models, or a model can't be loaded.
        """
        from rrgbench.errors import InputError
        from rrgbench.models import load_all_models, load_models, told_apart

        asked = self.model or ([] if self.predictions else ["dcrrg"])
        if ALL_MODELS in asked:
            if len(asked) > 1 or self.loader_options:
                raise InputError("--model all takes neither further models nor options of single ones")
            found, left_out = load_all_models(self.checkpoint)
            kept = [one for one in found if one.name not in chosen_beside]
            return told_apart([*kept, *self._from_files(reading)]), left_out
        if self.checkpoint is not None:
            if len(asked) != 1 or "=" in asked[0]:
                raise InputError("--checkpoint belongs to one --model; give several as --model NAME=CHECKPOINT")
            asked = [f"{asked[0]}={self.checkpoint}"]
        wished = {} if batch_size is None else {"batch_size": batch_size}
        loaded = load_models(asked, self.loader_options, wished)
        return told_apart([*loaded, *self._from_files(reading)]), {}

    def _from_files(self, reading: "ReportOptions") -> "list[Model]":
        """A model a system of the files of predictions."""
        from rrgbench.models import load_model
        from rrgbench.scoring.report_systems import systems_of

        together: dict[str, list[Path]] = {}
        alone: list[tuple[str, list[Path]]] = []
        for given in self.predictions or ():
            name, path = named_file(given, "--predictions")
            if name:
                together.setdefault(name, []).append(path)
            else:
                alone += [(system, [path]) for system in systems_of(path) or ("",)]
        options = {"id_column": reading.id_column, "report_column": reading.report_column}
        return [
            load_model("predictions", path=paths, system=system, allow=reading.allow, **options)
            for system, paths in [*together.items(), *alone]
        ]


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

        tasks, metrics = (
            [one.strip() for one in text.split(",")] if text else None for text in (self.tasks, self.metrics)
        )
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


@dataclass(frozen=True)
class CorpusOptions:
    """A corpus: films with their reports, or films beside the reports of another."""

    corpus: Annotated[
        str, typer.Option("--corpus", help="A corpus (rrgbench list corpora).", autocompletion=completion.corpora)
    ] = "phantom"
    root: Annotated[Path | None, typer.Option("--root", help="The corpus's folder, in its official layout.")] = None
    reports: Annotated[
        str | None,
        typer.Option(
            "--reports",
            help="Take the reports from this other corpus, unpaired with the films.",
            autocompletion=completion.corpora,
        ),
    ] = None
    reports_root: Annotated[Path | None, typer.Option("--reports-root", help="Folder of the --reports corpus.")] = None
    reports_option: Annotated[
        list[str] | None,
        listed_option("--reports-option", "A reader option of the --reports corpus as KEY=VALUE; may be repeated."),
    ] = None
    option: Annotated[
        list[str] | None,
        listed_option("--option/-o", "A reader option as KEY=VALUE, such as section=both; may be repeated."),
    ] = None
    skip_bad_images: Annotated[
        bool,
        typer.Option(
            "--skip-bad-images",
            help="Leave films out that are absent or can't be read; the count becomes part of the corpus's name.",
        ),
    ] = False

    def open(self, *, to_look: bool = False) -> "Corpus":
        """The corpus that the options ask for.

        Parameters
        ----------
        to_look : bool
            Whether films that are absent are no error, since they may be what is looked for.

        Raises
        ------
        InputError
            If a reader option is not KEY=VALUE, or the corpus can't be read.
        """
        from rrgbench.data.loading import load_corpus, takes_option

        options = key_values(self.option, own=_CORPUS_OWN)
        if self.skip_bad_images:
            options["skip_bad_images"] = True
        if to_look and "skip_bad_images" not in options and takes_option(self.corpus, "check_images"):
            options["check_images"] = False
        return load_corpus(
            self.corpus,
            self.root,
            reports=self.reports,
            reports_root=self.reports_root,
            reports_options=key_values(self.reports_option, "--reports-option"),
            **options,
        )


@dataclass(frozen=True)
class FilmCorpusOptions(CorpusOptions):
    """A corpus whose films are read more than once."""

    film_cache: Annotated[
        Path | None, typer.Option("--film-cache", help="Keep decoded films in this folder, so they are decoded once.")
    ] = None


def other_corpus(flag: str, name: str | None, root_flag: str, root: Path | None) -> CorpusOptions | None:
    """A second corpus by its two options.

    Raises
    ------
    InputError
        If a folder is given, but not which corpus lies there.
    """
    from rrgbench.errors import InputError

    if name is None and root is not None:
        raise InputError(f"{root_flag} is given without {flag}, so it is not known which corpus lies there")
    return CorpusOptions(name, root) if name else None


def named_file(given: str, what: str = "a system") -> tuple[str, Path]:
    """Name and file of `NAME=FILE`; no name of what is a file as a whole.

    Both may hold equals signs: of several, the last one counts that a file stands behind, else the first.

    Raises
    ------
    InputError
        If one of the two is empty.
    """
    from rrgbench.errors import InputError

    if "=" not in given or Path(given).is_file():
        return "", Path(given)
    places = [at for at, mark in enumerate(given) if mark == "="]
    at = next((at for at in reversed(places) if Path(given[at + 1 :]).is_file()), places[0])
    name, file = given[:at], given[at + 1 :]
    if not (name and file):
        raise InputError(f"{what} expects FILE or NAME=FILE; given: {given!r}")
    return name, Path(file)


def key_values(pairs: list[str] | None, flag: str = "--option", own: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Options from a flag's KEY=VALUE; true, false and numbers are read as such.

    Parameters
    ----------
    pairs : list of str
        As given.
    flag : str
        Whose they are, for messages.
    own : mapping of str to str
        Keys that are given otherwise, and how.

    Raises
    ------
    InputError
        If one is not KEY=VALUE, or is given otherwise.
    """
    from rrgbench.errors import InputError

    options: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise InputError(f"{flag} expects KEY=VALUE, such as section=both; given: {pair!r}")
        if own and key in own:
            raise InputError(f"{flag} takes no {key}; {own[key]}")
        try:
            read = json.loads(value.lower() if value in ("True", "False") else value)
        except ValueError:
            read = value
        options[key] = read if isinstance(read, bool | int | float) else value
    return options
