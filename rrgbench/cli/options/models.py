"""Models and what their loaders are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.grouping import listed_option
from rrgbench.cli.options.key_values import key_values, named_file
from rrgbench.cli.options.names import ALL_MODELS
from rrgbench.cli.options.reports import ReportOptions

if TYPE_CHECKING:
    from rrgbench.models import Model


_MODELS_OWN: Final = {"name": "give --model NAME", "checkpoint": "give --checkpoint, or --model NAME=CHECKPOINT"}


@dataclass(frozen=True)
class ModelOptions:
    """Which models, and what their loaders are told."""

    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="NAME (rrgbench list models), NAME=CHECKPOINT, NAME:ARGUMENT such as hf:ID, "
            "FILE.py:CLASS of your own, or all; repeatable.",
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
        InputError
            If a Python file is not there.
        """
        from rrgbench.models import MODELS, split_checkpoint

        for asked in self.model or ():
            MODELS.check(split_checkpoint(asked)[0], [ALL_MODELS])

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
        from rrgbench.models import MODELS, load_all_models, load_models, told_apart

        asked = self.model or ([] if self.predictions else ["dcrrg"])
        if ALL_MODELS in asked:
            if len(asked) > 1 or self.loader_options:
                raise InputError("--model all takes neither further models nor options of single ones")
            found, left_out = load_all_models(self.checkpoint)
            kept = [one for one in found if one.name not in chosen_beside]
            return told_apart([*kept, *self._from_files(reading)]), left_out
        if self.checkpoint is not None:
            if len(asked) != 1 or ("=" in asked[0] and MODELS.own(asked[0]) is None):
                raise InputError("--checkpoint belongs to one --model; give several as --model NAME=CHECKPOINT")
            asked = [f"{asked[0]}={self.checkpoint}"]
        wished = {} if batch_size is None else {"batch_size": batch_size}
        loaded = load_models(asked, self.loader_options, wished)
        return told_apart([*loaded, *self._from_files(reading)]), {}

    def _from_files(self, reading: "ReportOptions") -> "list[Model]":
        """A model a system of the files of predictions."""
        from rrgbench.models import load_model
        from rrgbench.scoring.report_systems import ReportSource

        together: dict[str, list[Path]] = {}
        alone: list[tuple[str, list[Path]]] = []
        for given in self.predictions or ():
            name, path = named_file(given, "--predictions")
            if name:
                together.setdefault(name, []).append(path)
            else:
                alone += [(system, [path]) for system in ReportSource(path).systems or ("",)]
        options = {"id_column": reading.id_column, "report_column": reading.report_column}
        return [
            load_model("predictions", path=paths, system=system, allow=reading.allow, **options)
            for system, paths in [*together.items(), *alone]
        ]
