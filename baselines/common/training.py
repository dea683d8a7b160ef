"""Trains the baselines: captioners learn to write reports, the others first embed films and reports."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset
from transformers import set_seed

from baselines.common.observation_network import ObservationItems, ObservationLearning, ObservationSystem
from baselines.common.settings import BaselinePreset, SystemPreset, load_preset
from rrgbench.errors import InputError, listed
from rrgbench.files import named_by_content
from rrgbench.modeling.captioner import Captioner, ReportWriting
from rrgbench.modeling.checkpoint_reading import arguments, wrong_values
from rrgbench.modeling.image_text_model import Contrast, ImageTextModel
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import encode_reports, train_report_tokenizer
from rrgbench.modeling.text_encoder import shape_of, with_vocabulary
from rrgbench.training.chain import Recipe, Stage
from rrgbench.training.data import Sources, TrainingData
from rrgbench.training.encoder_start import start_of, started
from rrgbench.training.items import Collate, DrawnFilms, PairItems, ReportWritingItems
from rrgbench.training.report_measures import REPORTS, report_measures
from rrgbench.training.settings import LOSS, StageSettings, deciding, starting_weights
from rrgbench.training.stage import Learner, Work
from rrgbench.training.stopping import Measures
from rrgbench.training.trainers import NoOptions, Request, Trainer

_OF_ALL = {"image_size", "image_encoder", "text_encoder", "vocabulary"}
"""What a preset says once for all systems, or training finds out."""
DECODER = ("decoder", "report_head")

ReportItems = Callable[[Any, TrainingData, TrainingData, bool, int], Dataset[Any]]
"""(model, training data, data that is written, whether films are augmented, seed) to the items of the report stage."""

ContrastItems = Callable[[Any, TrainingData, bool, int], Dataset[Any]]
"""(model, training data, whether films are augmented, seed) to the items of the contrast."""


def pair_items(model: ImageTextModel, data: TrainingData, augment: bool, seed: int) -> Dataset[Any]:
    """Films beside their own reports."""
    return PairItems(data.films, data.reports, own=data.paired, augment=augment, seed=seed)


def report_rows(model: Captioner, data: TrainingData) -> list[list[int]]:
    """Token rows of the reports that are to be written."""
    return encode_reports(model.tokenizer, data.reports.reports, REPORT_START, model.config.max_report)


def film_and_report(
    model: Captioner, learned: TrainingData, written: TrainingData, augment: bool, seed: int
) -> Dataset[Any]:
    """Films beside the reports that are to be written of them."""
    return ReportWritingItems(report_rows(model, written), films=DrawnFilms(written.films.films, augment, seed))


def baseline_trainer(
    name: str,
    model_class: type[Captioner],
    contrast_items: ContrastItems = pair_items,
    contrast_needs_pairs: bool = True,
    report_items: ReportItems = film_and_report,
    vocabulary: Callable[[Sequence[str]], Sequence[str]] = list,
) -> Trainer[NoOptions]:
    """The trainer of a baseline, as its entry point names it.

    A captioner learns to write reports, one that asks a film first to predict its observations; an `ImageTextModel`
    first learns its contrast, then its report decoder together with a copy of the image encoder, if the corpus has
    pairs.

    Parameters
    ----------
    name : str
        The system's registered name.
    model_class : type
        Its model.
    contrast_items : callable
        What the contrast learns from.
    contrast_needs_pairs : bool
        Whether the contrast needs films with reports of their own.
    report_items : callable
        What writing learns from.
    vocabulary : callable
        Training reports to the texts whose words the report tokenizer knows.
    """
    contrastive = issubclass(model_class, ImageTextModel)

    def recipes(request: Request, options: NoOptions) -> list[Recipe[Captioner]]:
        corpus = request.corpus
        if not corpus.paired and not (contrastive and not contrast_needs_pairs):
            raise InputError(f"{name} learns from films with reports of their own; {corpus.name} is unpaired")
        preset = request.stages.applied(load_preset(request.preset))
        preset = preset.model_copy(update={"image_encoder": started(preset.image_encoder, request.encoder)})
        own = preset.systems.get(name, SystemPreset())
        known = set(arguments(model_class.config_class)) - _OF_ALL
        if unknown := sorted(set(own.model) - known):
            raise InputError(
                f"preset {request.preset}: {name}'s model has no {listed(unknown)}; known: {listed(sorted(known), 40)}"
            )
        config = model_class.config_class(image_size=preset.image_size, **own.model)
        for key, expected in wrong_values(config):
            given = getattr(config, key)
            raise InputError(f"preset {request.preset}: {name}'s {key} must be {expected}; given: {given!r:.80}")
        limit = preset.limit if request.limit is None else request.limit
        sources = request.sources(preset.image_size, limit, validation_limit=preset.validation_limit)
        return [recipe(request, preset, own, sources, seed) for seed in request.seeds]

    def recipe(
        request: Request, preset: BaselinePreset, own: SystemPreset, sources: Sources, seed: int
    ) -> Recipe[Captioner]:
        corpus = request.corpus
        weights = starting_weights(preset.model_dump(include={"image_encoder", "text_encoder"}))
        stages: list[Stage[Captioner]] = []
        if contrastive:
            stages.append(contrast_stage(contrast_items, own.contrast or preset.contrast, preset, sources, seed))
        writing = own.report or preset.report
        if issubclass(model_class, ObservationSystem):
            # what is said of writing alone (its metric, its floor, rates of its parts, lengths) says nothing of this
            apart: dict[str, Any] = {"stop_on": LOSS, "floor": None, "rates": {}, "alike_lengths": False}
            like_writing = writing.model_copy(update=apart)
            asking = own.observations or preset.observations or like_writing
            stages.append(observation_stage(asking, preset, sources, seed))
        if corpus.paired:
            # until 0.2.0 retrieval read the encoder that had learned to write
            identity = {"augment": preset.augment, **({"aligned": "kept"} if contrastive else {})}
            stages.append(report_stage(report_items, writing, preset, sources, seed, identity))
        common = {
            "model": name,
            "corpus": corpus.digest,
            "limit": sources.limit,
            **preset.model_dump(include={"image_size", "min_word_count"}),
            "image_encoder": by_content(preset.image_encoder),
            **(preset.model_dump(include={"text_encoder"}) if contrastive else {}),
            "own": by_content(own.model),
            "starting_weights": weights,
        }
        inputs = {
            "model": name,
            "corpus": corpus.identity,
            "digest": corpus.digest,
            "limit": sources.limit,
            "preset": deciding(preset, exclude={"systems", "image_encoder"})
            | {"image_encoder": by_content(preset.image_encoder), "system": by_content(deciding(own))},
            "starting_weights": weights,
        }
        about = {
            "preset_name": Path(request.preset).stem,
            "command": request.command(name, seed, request.limit),
            "starts_from": start_of(preset.image_encoder),
        }
        return Recipe(
            stages=stages,
            new_model=lambda: new_model(model_class, preset, own.model, vocabulary(sources.data.reports.reports), seed),
            load=model_class.from_pretrained,
            seed=seed,
            sources=sources,
            common=common,
            inputs=inputs,
            about=about,
            storage=preset.storage,
        )

    return Trainer(name, NoOptions, recipes)


def by_content(options: Any) -> Any:
    """Options, each file or folder that they name (BART's weights, triplets, a graph) by a digest of what it holds."""
    if isinstance(options, dict):
        return {name: by_content(value) for name, value in options.items()}
    return named_by_content(options) if isinstance(options, str) else options


def contrast_stage(
    items: ContrastItems, settings: StageSettings, preset: BaselinePreset, sources: Sources, seed: int
) -> Stage[Captioner]:
    """Everything but the report decoder, by the system's contrastive loss."""

    def learner(model: Captioner) -> Learner:
        assert isinstance(model, ImageTextModel), "only they have a contrast"
        # the decoder gets no gradient from the contrast, so it is not among what is trained
        parts = [part for name, part in model.named_parameters() if name.partition(".")[0] not in DECODER]
        return Learner(Contrast(model), parts)

    def work(model: Captioner) -> Work:
        watched = items(model, sources.validation, False, seed) if settings.validates else None
        learned = items(model, sources.data, preset.augment, seed)
        return Work(learned, Collate.of(model), watched)

    return Stage("contrast", settings, {"augment": preset.augment}, work, learner)


def observation_stage(settings: StageSettings, preset: BaselinePreset, sources: Sources, seed: int) -> Stage[Captioner]:
    """The observation network alone, by the labels of films."""

    def learner(model: Captioner) -> Learner:
        assert isinstance(model, ObservationSystem), "only they ask"
        module = ObservationLearning(model.observation_network)
        return Learner(module, [module])

    def work(model: Captioner) -> Work:
        def items(source: TrainingData, augment: bool) -> Dataset[Any]:
            return ObservationItems(source.films, augment, seed)

        watched = items(sources.validation, False) if settings.validates else None
        return Work(items(sources.data, preset.augment), Collate.of(model), watched)

    return Stage("observations", settings, {"augment": preset.augment}, work, learner)


def report_stage(
    items: ReportItems,
    settings: StageSettings,
    preset: BaselinePreset,
    sources: Sources,
    seed: int,
    identity: dict[str, Any],
) -> Stage[Captioner]:
    """Reports from films: the captioner's own parts, or image encoder and decoder of an `ImageTextModel`."""

    def learner(model: Captioner) -> Learner:
        return Learner(ReportWriting(model), model.trained_parts())

    def work(model: Captioner) -> Work:
        # what a system draws here is the same when a killed training is resumed
        set_seed(seed)
        model.prepare(sources.data)
        watched = items(model, sources.data, sources.validation, False, seed) if settings.validates else None
        written = items(model, sources.data, sources.data, preset.augment, seed)
        measures = validation_reports(model, sources) if settings.validates else None
        return Work(written, Collate.of(model), watched, measures)

    return Stage("report", settings, identity, work, learner, REPORTS, lengths=True)


def validation_reports(model: Captioner, sources: Sources) -> Measures:
    """How good the reports are that a captioner writes for validation films."""
    asked: dict[int, Any] = {}

    def write(limit: int) -> list[str]:
        if limit not in asked:
            asked[limit] = model.asked_of(sources.validation, sources.data, limit)
        return model.generate_reports(asked[limit])

    return report_measures(write, sources.validation.reports.reports)


def new_model(
    model_class: type[Captioner],
    preset: BaselinePreset,
    own: dict[str, Any],
    reports: Sequence[str],
    seed: int,
) -> Captioner:
    """An untrained baseline; its tokenizer is learned from reports, encoders start from the preset's weights."""
    set_seed(seed)
    tokenizer = train_report_tokenizer(reports, (REPORT_START,), preset.min_word_count)
    options: dict[str, Any] = {
        "image_size": preset.image_size,
        "image_encoder": preset.image_encoder,
        "vocabulary": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
    }
    if not issubclass(model_class, ImageTextModel):
        model = model_class(model_class.config_class(**options, **own), pretrained_encoders=True)
        model.tokenizer = tokenizer
        return model
    text_encoder, text_tokenizer = with_vocabulary(preset.text_encoder, tokenizer)
    embedding = model_class(
        model_class.config_class(**options, text_encoder=text_encoder, **own), pretrained_encoders=True
    )
    embedding.config.text_encoder = shape_of(embedding.text_encoder, text_encoder)
    embedding.tokenizer, embedding.text_tokenizer = tokenizer, text_tokenizer
    return embedding
