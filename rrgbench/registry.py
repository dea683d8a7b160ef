"""Models, corpora and other packages' metrics by name, and what a model may offer.

They join through the entry-point groups `rrgbench.models`, `rrgbench.corpora` and `rrgbench.metrics`; the harness
imports no model itself, so a third party's package stands beside ours on equal terms. A model implements those
protocols below that it can; tasks report "not offered" for the rest.
"""

import difflib
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus, command_words
from rrgbench.errors import InputError, MissingPartError, RrgbenchError, UnknownNameError, listed
from rrgbench.metrics.external import ExternalMetric, PlugIn

if TYPE_CHECKING:
    from rrgbench.claims.claim import ClaimSet

Films = NDArray[np.uint8]
"""Grey films (n, size, size), bright bone on dark lung, at the model's own `image_size`."""


@runtime_checkable
class Model(Protocol):
    """What every model has: a name, the size of film it reads and an identity for signatures and resume."""

    name: str
    image_size: int

    @property
    def identity(self) -> str:
        """`name@digest`, where the digest changes whenever the model's answers may change."""
        ...


@runtime_checkable
class FittedToCorpus(Protocol):
    """A model that is made from the evaluated corpus's training split (the trivial systems)."""

    def fit(self, corpus: Corpus) -> None:
        """Learn from the training split."""
        ...


@runtime_checkable
class ReportGenerator(Protocol):
    """Writes a report for each film."""

    def generate_reports(self, images: Films) -> list[str]:
        """Reports, one a film, in order."""
        ...


@runtime_checkable
class ImageTextEncoder(Protocol):
    """Embeds films and reports in one space."""

    def embed_images(self, images: Films) -> NDArray[np.float32]:
        """Unit vectors (n, p)."""
        ...

    def embed_reports(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, p)."""
        ...


@runtime_checkable
class ImageTextSimilarity(Protocol):
    """Compares films with reports in a richer way than by unit vectors."""

    def similarity(self, images: Films, texts: Sequence[str]) -> NDArray[np.float32]:
        """Similarities (images, texts); larger is more alike."""
        ...


@runtime_checkable
class ObservationClassifier(Protocol):
    """Predicts the 14 observations of a film."""

    def predict_observations(self, images: Films) -> NDArray[np.float32]:
        """Probabilities (n, 14) in [0, 1], columns as `rrgbench.observations.OBSERVATIONS`."""
        ...


@runtime_checkable
class Describer(Protocol):
    """Writes what a film shows of one observation (step 3 of DCRRG)."""

    def describe(self, images: Films, observation: str) -> list[str]:
        """Descriptions, one a film, in order; empty where the model finds the observation not mentioned.

        `observation` is one of `rrgbench.observations.OBSERVATIONS`.
        """
        ...


@runtime_checkable
class ImageBackbone(Protocol):
    """Offers its image encoder for linear probing and fine-tuning."""

    @property
    def backbone(self) -> Any:
        """A `torch.nn.Module` from films (n, size, size) in [0, 255] to features (n, d)."""
        ...


def _named(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def lookup(kind: str, name: str, known: Iterable[str]) -> str:
    """The name itself if it is known.

    Raises
    ------
    UnknownNameError
        With the nearest known name, or all of them.
    """
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    raise UnknownNameError(f"no {kind} is called {name!r}; {hint}")


def model_names() -> list[str]:
    """Names of all registered models."""
    return list(_named("rrgbench.models"))


def corpus_names() -> list[str]:
    """Names of all registered corpora."""
    return list(_named("rrgbench.corpora"))


def load_model(name: str, checkpoint: str | Path | None = None, **options: Any) -> Model:
    """Load a model by name.

    Parameters
    ----------
    name : str
        A registered name (`rrgbench list models`).
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
    """
    points = _named("rrgbench.models")
    load: Callable[..., Model] = points[lookup("model", name, points)].load()
    if checkpoint is not None:
        options["checkpoint"] = checkpoint
    return load(**options)


def load_all_models(checkpoints: str | Path | None = None) -> tuple[list[Model], dict[str, str]]:
    """Every registered model that can be had.

    Parameters
    ----------
    checkpoints : str or Path, optional
        A folder with the trained models, each below its name (`rrgbench train --model all --out FOLDER`).

    Returns
    -------
    models : list of Model
        Trained ones from `checkpoints`, else as they ship.
    left_out : dict of str to str
        Why the others can't be had, by name.

    Raises
    ------
    InputError
        If `checkpoints` is no folder.
    """
    folder = None if checkpoints is None else Path(checkpoints)
    if folder is not None and not folder.is_dir():
        raise InputError(f"--checkpoint {folder} is no folder; --model all takes the one with all trained models")
    models: list[Model] = []
    left_out: dict[str, str] = {}
    for name in model_names():
        trained = folder / name if folder is not None else None
        try:
            models.append(load_model(name, trained) if trained is not None and trained.is_dir() else load_model(name))
        except (InputError, MissingPartError) as error:
            left_out[name] = str(error)
    return models, left_out


def load_corpus(
    name: str,
    /,
    root: str | Path | None = None,
    *,
    reports: str | None = None,
    reports_root: str | Path | None = None,
    **options: Any,
) -> Corpus:
    """Load a corpus by name, or films of one with the reports of another.

    Parameters
    ----------
    name : str
        A registered name (`rrgbench list corpora`).
    root : str or Path, optional
        Its folder in its official layout; generated corpora take none.
    reports, reports_root : str, str or Path, optional
        Name and folder of a second corpus whose reports stand beside the first one's films, unpaired.
    **options
        Reader options, see `docs/data.md`; one of them may be called `name`.

    Raises
    ------
    UnknownNameError
        If no such corpus is registered.
    InputError
        If its files are missing or malformed, or it takes no such option.
    """
    if reports is not None:
        from rrgbench.data.unpaired import combine

        combined = combine(load_corpus(name, root, **options), load_corpus(reports, reports_root))
        return combined.loaded_by(command_words(name, reports, options))
    if reports_root is not None:
        raise InputError("--reports-root is given without --reports, so it is not known which corpus lies there")
    points = _named("rrgbench.corpora")
    load: Callable[..., Corpus] = points[lookup("corpus", name, points)].load()
    try:
        corpus = load(root=None if root is None else Path(root), **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise InputError(f"corpus {name} takes no such option: {error}") from error
    return corpus.loaded_by(command_words(name, None, options))


def trainer_names() -> list[str]:
    """Names of all models that can be trained."""
    return list(_named("rrgbench.trainers"))


def load_trainer(name: str) -> Callable[..., Path]:
    """The training function of a model.

    It is called as `train(corpus, *, preset, out, steps, seed, progress, limit, film_cache)` and returns a folder; one
    that also takes `options` (`rrgbench.modeling.stage_options.StageOptions`) heeds the command's flags for its stages.

    Raises
    ------
    UnknownNameError
        If no such model can be trained.
    """
    points = _named("rrgbench.trainers")
    trainer: Callable[..., Path] = points[lookup("trainable model", name, points)].load()
    return trainer


def load_variant_trainer(name: str) -> Callable[..., list[Path]]:
    """The function that trains a named set of a model's variants (entry-point group `rrgbench.variants`).

    It is called as `train(corpus, *, variants, seeds, preset, out, extra, progress, limit, film_cache)` and returns
    the folders `out/<variant>/seed-<s>`.

    Raises
    ------
    UnknownNameError
        If no such model has variants.
    """
    points = _named("rrgbench.variants")
    trainer: Callable[..., list[Path]] = points[lookup("model with variants", name, points)].load()
    return trainer


def load_claims(name: str) -> "ClaimSet":
    """The claims of a model's paper (entry-point group `rrgbench.claims`).

    Raises
    ------
    UnknownNameError
        If no such model has claims.
    """
    points = _named("rrgbench.claims")
    claims: ClaimSet = points[lookup("model with claims", name, points)].load()
    return claims


def suite_names() -> list[str]:
    """Names of the suites that ship with the package."""
    return sorted(
        path.name.removesuffix(".yaml") for path in files("rrgbench.suites").iterdir() if path.name.endswith(".yaml")
    )


def plug_in_metrics() -> dict[str, PlugIn]:
    """Metrics of other packages by name, installed or not; nothing of those packages is imported."""
    return {name: point.load() for name, point in _named("rrgbench.metrics").items()}


def load_metric(name: str, **options: str) -> ExternalMetric:
    """Load a metric that another package owns, for `rrgbench.score` and `rrgbench.compare`.

    Parameters
    ----------
    name : str
        A registered name (`rrgbench list metrics`), e.g. `bertscore`.
    **options : str
        The plug-in's options, e.g. `model` for a hub id or local folder of weights (`docs/metrics.md`).

    Returns
    -------
    ExternalMetric
        To be given among `metrics`; its weights stay loaded as long as it lives.

    Raises
    ------
    UnknownNameError
        If no such metric is registered.
    InputError
        If it has no such option.
    MissingPartError
        If its package isn't installed or can't load its weights; the message says how to get them.
    """
    known = plug_in_metrics()
    plug_in = known[lookup("plug-in metric", name, known)]
    taken = list(inspect.signature(plug_in.load).parameters)
    unknown = [option for option in options if option not in taken]
    if unknown:
        raise InputError(f"metric {name} has no option {listed(unknown)}; it has {listed(taken) or 'none'}")
    weights = f"; weights: {plug_in.weights}" if plug_in.weights else ""
    if not plug_in.installed:
        raise MissingPartError(
            f"metric {name} needs the package {plug_in.package}, which isn't installed; get it: {plug_in.get}{weights}"
        )
    package = f"{plug_in.package}@{plug_in.installed}"
    try:
        with redirect_stdout(sys.stderr):
            loaded = plug_in.load(**options)
    except RrgbenchError:
        raise
    # What a foreign package raises when weights can't be had has no common class; RadGraph's raises Exception itself.
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise MissingPartError(f"metric {name} can't be loaded by {package} ({reason}){weights}") from error
    settings = ",".join(f"{key}={_named_by_content(value)}" for key, value in loaded.settings.items())
    return ExternalMetric(name, plug_in, loaded.score, f"{package}({settings})" if settings else package)


def _named_by_content(value: str) -> str:
    """The value itself, or, of an existing path, its last part and 8 digits of the SHA-256 of its files."""
    path = Path(value)
    if not path.exists():
        return value
    content = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(part for part in path.rglob("*") if part.is_file()):
        with file.open("rb") as stream:
            content.update(file.relative_to(path).as_posix().encode() + hashlib.file_digest(stream, "sha256").digest())
    return f"{path.resolve().name}@{content.hexdigest()[:8]}"
