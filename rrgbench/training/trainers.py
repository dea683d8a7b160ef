"""Models that can be trained, by name (entry-point group `rrgbench.trainers`), and what is asked of them."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError, listed, problems
from rrgbench.progress import Progress
from rrgbench.registry import Registry
from rrgbench.training.data import Sources
from rrgbench.training.settings import AS_PRESET, StageOptions

if TYPE_CHECKING:
    from rrgbench.training.chain import Recipe

Own = TypeVar("Own", bound=BaseModel)


@dataclass(frozen=True)
class Request:
    """What is asked of a trainer, whichever model it trains.

    Attributes
    ----------
    corpus : Corpus
        Paired, or films with a text source.
    out : Path
        Where the trained model goes; a set of them goes below it, into `<variant>/seed-<s>`.
    preset : str
        A preset's name or YAML file.
    seeds : sequence of int
        A model is trained with each.
    apart : bool
        Whether a single model, too, gets a folder below `out` as one of a set does.
    limit : int, optional
        At most that many training studies of each source; the preset's limit, if it has one, by default.
    film_cache : Path, optional
        Folder in which decoded films are kept for later runs.
    stages : StageOptions
        Hyper-parameters for every stage, over the preset's.
    encoder : str, optional
        What the image encoder starts from (`rrgbench.training.encoder_start.started`); as the preset says by default.
    progress : callable, optional
        See `rrgbench.progress.Progress`.
    """

    corpus: Corpus
    out: Path
    preset: str = "tiny"
    seeds: Sequence[int] = (0,)
    apart: bool = False
    limit: int | None = None
    film_cache: Path | None = None
    stages: StageOptions = AS_PRESET
    progress: Progress | None = None
    encoder: str | None = None

    def sources(
        self, image_size: int, limit: int | None, extra: Corpus | None = None, validation_limit: int | None = None
    ) -> Sources:
        """What a model learns from, not read yet."""
        return Sources(self.corpus, image_size, extra, limit, self.film_cache, self.progress, validation_limit)

    def command(self, model: str, seed: int, limit: int | None, own: Sequence[str] = ()) -> str:
        """The command that trains the same model, without folders; `own` are the words of its trainer's own options."""
        words = [
            f"rrgbench train --model {shlex.quote(model)}",
            *self.corpus.flags,
            f"--preset {Path(self.preset).name}",
            *own,
        ]
        limited = [] if limit is None else [f"--limit {limit}"]
        limited += [] if self.encoder is None else [f"--encoder {Path(self.encoder).name}"]
        return " ".join([*words, f"--seed {seed}", *limited, *self.stages.flags()])


class NoOptions(BaseModel):
    """Of a trainer that has none of its own."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Trainer(Generic[Own]):
    """Trains one model; what its entry point names.

    Attributes
    ----------
    model : str
        The model's registered name.
    options : type of BaseModel
        The trainer's own options, beside a `Request`; extra ones are to be forbidden.
    recipes : callable
        How the models that a request and the options ask for come to be.
    """

    model: str
    options: type[Own]
    recipes: Callable[[Request, Own], Sequence["Recipe[Any]"]]

    def __call__(self, request: Request, **own: Any) -> list[Path]:
        """Train what is asked for; called again after a kill it resumes from the last finished epoch.

        Parameters
        ----------
        request : Request
            What is asked of any trainer.
        **own
            The trainer's own options.

        Returns
        -------
        list of Path
            Folders of the trained models: `request.out` itself, or for a set `out/<variant>/seed-<s>`.

        Raises
        ------
        InputError
            If an option is not one of the trainer's or can't be taken, the corpus lacks what the model learns from, a
            stage can't stop on what the preset names, a folder holds a run of other settings or is being written to, or
            a stage diverged.
        UnknownNameError
            If there is no such preset, or an option names something unknown.
        """
        from rrgbench.training.chain import train_recipe

        fields = self.options.model_fields
        if unknown := [f"--{name.replace('_', '-')}" for name in own if name not in fields]:
            taken = [f"--{name.replace('_', '-')}" for name in fields]
            raise InputError(
                f"model {self.model} takes no {', '.join(unknown)}; its own options: {listed(taken, 20) or 'none'}"
            )
        try:
            options = self.options(**own)
        except ValidationError as error:
            raise InputError(f"training {self.model}: {problems(error)}") from error
        recipes = self.recipes(request, options)
        # each of them, before the first is trained
        for recipe in recipes:
            recipe.check()
        places = [request.out]
        if request.apart or len(recipes) > 1:
            places = [request.out / (recipe.variant or "") / f"seed-{recipe.seed}" for recipe in recipes]
        store = request.out / "stages"
        return [
            train_recipe(recipe, place, store, request.progress) for recipe, place in zip(recipes, places, strict=True)
        ]


TRAINERS: Final[Registry[Trainer[Any]]] = Registry("trainable model", "rrgbench.trainers")


def trainer_names() -> list[str]:
    """Names of all models that can be trained."""
    return TRAINERS.names()


def load_trainer(name: str) -> Trainer[Any]:
    """The trainer of a model.

    Raises
    ------
    UnknownNameError
        If no such model can be trained.
    """
    return TRAINERS.load(name)


def presets_of(model: str) -> list[str]:
    """Names of the presets in the folders `presets` of the package that trains a model; nothing of it is imported.

    Raises
    ------
    UnknownNameError
        If no such model can be trained.
    """
    package = find_spec(TRAINERS.module(model).partition(".")[0])
    folders = (package.submodule_search_locations or ()) if package is not None else ()
    return sorted({path.stem for folder in folders for path in Path(folder).rglob("presets/*.yaml")})
