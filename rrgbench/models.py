"""What a model may offer, what it reads, and models by name.

A model implements those protocols below that it can; tasks report "not offered" for the rest. Models join through the
entry-point group `rrgbench.models`; the harness imports none itself, so a third party's stands beside ours on equal
terms.

A model with an `image_size` reads one grey film a study: `images` is then an array of `Films`. A model that reads more
has `reads` (`Reads`) instead, and `images` is a list of `Examination`: films with their views, sections, prior.

A model may also have `signed`, a mapping of what signatures of its values say of it (its prompt, the rule that finds
the report in its answer), `reports_at_a_time`, after how many reports they are written down, and `spent`,
a mapping of what it has cost so far.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter, getattr_static
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rrgbench.checkpoints import WEIGHTS as WEIGHTS
from rrgbench.checkpoints import check_files
from rrgbench.data.examination import Examination as Examination
from rrgbench.data.examination import Film as Film
from rrgbench.data.examination import Reads as Reads
from rrgbench.errors import InputError, MissingPartError, listed
from rrgbench.own_code import split_behind
from rrgbench.own_models import make_own
from rrgbench.progress import Progress
from rrgbench.registry import Registry, make, parameters

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus
    from rrgbench.data.films.cache import FilmCache
    from rrgbench.data.study import Study

Films = NDArray[np.uint8]
"""Grey films (n, size, size), bright bone on dark lung, at the model's own `image_size`."""

Images = Any
"""What a model is given of n studies: `Films`, or a list of `Examination` if the model has `reads`."""


@runtime_checkable
class Model(Protocol):
    """What every model has: a name and an identity for signatures and resume; and an `image_size` or `reads`.

    One whose answers rest on the reference labels of the study that is tested, as published code has done, declares it:
    `reads_labels = True` (`rrgbench data audit` calls that a leak).
    """

    name: str

    @property
    def identity(self) -> str:
        """`name@digest`, where the digest changes whenever the model's answers may change."""
        ...


@runtime_checkable
class FittedToCorpus(Protocol):
    """A model that is made from the evaluated corpus's training split (the trivial systems)."""

    def identity_on(self, corpus: "Corpus") -> str:
        """The identity that it will have once it is made from this corpus; nothing is read for it."""
        ...

    def fit(self, corpus: "Corpus", films: "FilmCache | None" = None) -> None:
        """Learn from the training split; `films` keeps decoded ones."""
        ...


@runtime_checkable
class AnswersByStudy(Protocol):
    """A model that has its answers already, by the ids of studies (files of predictions)."""

    allowed: str
    """What was allowed and happened, as signatures show it: `unknown=3`; empty if nothing did."""

    def named(self, corpus: "Corpus") -> frozenset[str]:
        """Studies of the corpus that its answers name, of whatever split."""
        ...

    def bind(self, corpus: "Corpus", studies: "Sequence[Study]") -> frozenset[str]:
        """Bring its ids together with those of the studies that are evaluated.

        Returns
        -------
        frozenset of str
            The studies that it answers for: all, unless missing ones are allowed.

        Raises
        ------
        InputError
            If studies have no answer, or answers no study, and that is not allowed, naming them.
        """
        ...


@runtime_checkable
class ReportGenerator(Protocol):
    """Writes a report for each film."""

    def generate_reports(self, images: Images) -> list[str]:
        """Reports, one a film, in order."""
        ...


@runtime_checkable
class NamesMissingReports(Protocol):
    """A writer that may decline: it gives an empty report then, and says of which studies and why."""

    @property
    def declined(self) -> Mapping[str, str]:
        """Why there is no report, by study id, of all studies asked so far; these are never scored silently."""
        ...


@runtime_checkable
class ReportLikelihood(Protocol):
    """Says how likely it finds a given report of a film."""

    def report_losses(self, images: Images, reports: Sequence[str]) -> NDArray[np.float64]:
        """Of the report beside each film (n, 2): the sum over its tokens, end token included, of the negative
        log-likelihood in nats, the true earlier tokens given; and how many tokens those are."""
        ...


@runtime_checkable
class ImageTextEncoder(Protocol):
    """Embeds films and reports in one space."""

    def embed_images(self, images: Images) -> NDArray[np.float32]:
        """Unit vectors (n, p)."""
        ...

    def embed_reports(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, p)."""
        ...


@runtime_checkable
class ImageTextSimilarity(Protocol):
    """Compares films with reports in a richer way than by unit vectors."""

    def similarity(self, images: Images, texts: Sequence[str]) -> NDArray[np.float32]:
        """Similarities (images, texts); larger is more alike."""
        ...


@runtime_checkable
class ObservationClassifier(Protocol):
    """Predicts the 14 observations of a film."""

    def predict_observations(self, images: Images) -> NDArray[np.float32]:
        """Probabilities (n, 14) in [0, 1], columns as `rrgbench.observations.OBSERVATIONS`."""
        ...


@runtime_checkable
class Describer(Protocol):
    """Writes what a film shows of one observation (step 3 of DCRRG)."""

    def describe(self, images: Images, observation: str) -> list[str]:
        """Descriptions, one a film, in order; empty where the model finds the observation not mentioned.

        `observation` is one of `rrgbench.observations.OBSERVATIONS`.
        """
        ...


@runtime_checkable
class ImageBackbone(Protocol):
    """Offers its image encoder for linear probing and fine-tuning."""

    @property
    def backbone(self) -> Any:
        """A `torch.nn.Module` from films, uint8 (n, size, size) in [0, 255], to features (n, d)."""
        ...


def takes_examinations(model: Model) -> bool:
    """Whether a model reads studies, rather than films."""
    return isinstance(getattr(model, "reads", None), Reads)


def require_model(given: object) -> None:
    """Refuse what has no name or no identity, which results and signatures are told by.

    Raises
    ------
    InputError
        Naming the class and what it lacks.
    """
    if isinstance(given, type):
        raise InputError(f"the class {given.__name__} was given as a model; give an instance: {given.__name__}(...)")
    for attribute in ("name", "identity"):
        # not by asking for its value: an identity may be read from files
        if getattr_static(given, attribute, None) is None and not hasattr(given, attribute):
            raise InputError(
                f"a {type(given).__name__} was given as a model and has no {attribute}; a model has a name and an "
                "identity, name@digest (rrgbench.models.Model)"
            )
    name = getattr(given, "name", "")
    if not isinstance(name, str) or not name or {"..", "."} & set(re.split(r"[/\\]", name)):
        raise InputError(f"a model's name is a text, which files can be called by; given: {name!r}")


def reads_of(model: Model) -> Reads:
    """What a model reads of each study.

    Raises
    ------
    InputError
        If it has neither `reads` nor an `image_size`.
    """
    reads, size = getattr(model, "reads", None), getattr(model, "image_size", None)
    if isinstance(reads, Reads):
        return reads
    if not isinstance(size, int):
        raise InputError(f"model {model.name} tells neither an image_size nor what it reads (rrgbench.models.Reads)")
    return Reads(size)


def image_batches(
    model: Model,
    studies: "Sequence[Study]",
    batch: int = 64,
    films: "FilmCache | None" = None,
    progress: Progress | None = None,
) -> Iterator[Images]:
    """What a model is given of studies, in order, `batch` studies at a time.

    Parameters
    ----------
    model : Model
        Its `reads` or `image_size` says what it gets.
    studies : sequence of Study
        Each with a film.
    batch : int
        Studies at a time.
    films : FilmCache, optional
        Where decoded films are kept.
    progress : callable, optional
        Told of the films that are read.

    Raises
    ------
    InputError
        If a study has no film, or a film can't be read, naming it.
    """
    from rrgbench.data.films.stream import stream

    reads = reads_of(model)
    if takes_examinations(model):
        yield from stream(studies, reads, batch, films, progress)
    elif films is not None:
        stored = films.of(studies, reads.size, progress)
        yield from (stored[start : start + batch] for start in range(0, len(stored), batch))
    else:
        for part in stream(studies, reads, batch, progress=progress):
            yield np.stack([one.films[0].pixels for one in part])


MODELS: Final[Registry[Callable[..., Model]]] = Registry("model", "rrgbench.models", from_files=True)
"""Loaders by name, or in a file of the user's; each gives a `Model`."""


def load_model(name: str, checkpoint: str | Path | None = None, **options: Any) -> Model:
    """Load a model by name.

    Parameters
    ----------
    name : str
        A registered name (`rrgbench list models`), or `NAME:ARGUMENT`, whose argument is the loader's first parameter:
        `predictions:reports.jsonl`, `dcrrg:6a`. Or `FILE.py:NAME`, a class or a loader in a Python file, and
        `TITLE=FILE.py:NAME`, which is called TITLE.
    checkpoint : str or Path, optional
        A folder written by `rrgbench train`, or a hub id; the model's shipped checkpoint if omitted.
    **options
        Passed to the model's loader.

    Returns
    -------
    Model
        Implementing whichever of this module's protocols it can.

    Raises
    ------
    UnknownNameError
        If no such model is registered.
    InputError
        If its loader takes no argument or no such option (a trivial system has no checkpoint), or lacks one; if a file
        is not there, holds no such name, fails, or gives no model.
    """
    if checkpoint == "":
        raise InputError(f"model {name}: the checkpoint is an empty text; leave it out for the shipped one")
    if checkpoint is not None:
        check_files(checkpoint)
    given = {**({} if checkpoint is None else {"checkpoint": checkpoint}), **options}
    made = make(MODELS, name, **given) if MODELS.own(name) is None else make_own(MODELS, name, given)
    require_model(made)
    return made


def load_models(
    asked: Sequence[str], options: Mapping[str, Any] | None = None, wished: Mapping[str, Any] | None = None
) -> list[Model]:
    """Several models, in the order in which they are asked for.

    Parameters
    ----------
    asked : sequence of str
        Each as `load_model` takes it, or `NAME=CHECKPOINT`, `FILE.py:NAME=CHECKPOINT`.
    options : mapping of str to object, optional
        Each is passed to those loaders that take it.
    wished : mapping of str to object, optional
        Such as no loader needs to take.

    Raises
    ------
    InputError
        If none of the loaders takes an option, or two models are one.
    """
    pairs = [split_checkpoint(one) for one in asked]
    given = options or {}
    for _, checkpoint in pairs:
        if checkpoint is not None:
            # what follows imports the models' modules
            check_files(checkpoint)
    taken = [parameters(MODELS, name) for name, _ in pairs]
    for key in given:
        if not any(key in one or _open_ended(one) for one in taken):
            names = listed(dict.fromkeys(name for name, _ in pairs))
            known = listed(dict.fromkeys(key for one in taken for key in one), most=12)
            raise InputError(f"none of {names} takes an option {key}; they take: {known or 'nothing'}")
    passed = {**(wished or {}), **given}
    models = [
        load_model(name, checkpoint, **{key: value for key, value in passed.items() if key in its or _open_ended(its)})
        for (name, checkpoint), its in zip(pairs, taken, strict=True)
    ]
    return told_apart(models)


def split_checkpoint(asked: str) -> tuple[str, str | None]:
    """`NAME=CHECKPOINT` in its two parts; a name alone, or with an argument, has no checkpoint.

    Raises
    ------
    InputError
        If the checkpoint is empty.
    """
    name, equals, checkpoint = asked.partition("=")
    if (own := split_behind(asked)) is not None and asked.partition(":")[0] not in MODELS:
        name, checkpoint = own
    elif not equals or ":" in name or MODELS.own(asked) is not None:
        return asked, None
    if not checkpoint:
        raise InputError(f"--model {asked}: no checkpoint stands behind the equals sign")
    return name, checkpoint


def _open_ended(taken: Mapping[str, Parameter]) -> bool:
    return any(one.kind is Parameter.VAR_KEYWORD for one in taken.values())


def told_apart(models: Sequence[Model]) -> list[Model]:
    """Models of one name called after their checkpoints: each row of a table is one model.

    Raises
    ------
    InputError
        If two have one identity, or nothing tells them apart.
    """
    by_identity: dict[str, str] = {}
    for model in models:
        if model.identity in by_identity:
            same = by_identity[model.identity]
            both = model.name if same == model.name else f"{same} and {model.name}"
            raise InputError(f"the same model stands twice among those to evaluate: {both} ({model.identity})")
        by_identity[model.identity] = model.name
    names = [model.name for model in models]
    for model in models:
        if names.count(model.name) > 1 and checkpoint_name(model):
            model.name = f"{model.name}={checkpoint_name(model)}"
    twice = listed({model.name for model in models if [one.name for one in models].count(model.name) > 1})
    if twice:
        raise InputError(f"two models are called {twice}; give them in runs of their own, or files as NAME=FILE")
    return list(models)


def checkpoint_name(model: Model) -> str:
    """What the model's checkpoint is called, as it was loaded; empty where it has none."""
    return str(getattr(model, "checkpoint", None) or "")


def training_corpus(model: Model) -> str:
    """`name@digest` of the corpus that the model was trained on; empty where that is not known."""
    return str(getattr(model, "trained_on", None) or "")


def training_folder(model: Model) -> Path | None:
    """The folder that training left, with its record; None where the model has none."""
    folder = getattr(model, "folder", None)
    return folder if isinstance(folder, Path) else None


def load_all_models(checkpoints: str | Path | None = None) -> tuple[list[Model], dict[str, str]]:
    """Every registered model that is available.

    Parameters
    ----------
    checkpoints : str or Path, optional
        A folder with the trained models, each below its name (`rrgbench train --model all --out FOLDER`).

    Returns
    -------
    models : list of Model
        Trained ones from `checkpoints`, else as they ship.
    left_out : dict of str to str
        Why the others are not available, by name.

    Raises
    ------
    InputError
        If `checkpoints` is no folder.
    """
    if checkpoints == "":
        raise InputError("--checkpoint is an empty text; leave it out for the shipped ones")
    folder = None if checkpoints is None else Path(checkpoints)
    if folder is not None and not folder.is_dir():
        raise InputError(f"--checkpoint {folder} is no folder; --model all takes the one with all trained models")
    models: list[Model] = []
    left_out: dict[str, str] = {}
    for name in MODELS.names():
        trained = folder / name if folder is not None else None
        try:
            if _is_a_kind(name):
                continue
            models.append(load_model(name, trained) if trained is not None and trained.is_dir() else load_model(name))
        except (InputError, MissingPartError) as error:
            left_out[name] = str(error)
    return models, left_out


def _is_a_kind(name: str) -> bool:
    """Whether a name is a kind of models, which needs an argument (`hf:ID`, `predictions:FILE`), and none by itself."""
    taken = parameters(MODELS, name).values()
    return any(one.default is one.empty and one.kind is not one.VAR_KEYWORD for one in taken)
