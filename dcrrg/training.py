"""Trains DCRRG: the four steps in order, each resumable, each leaving a model of its own."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import set_seed

from dcrrg.configuration import DcrrgConfig
from dcrrg.descriptions import DescriptionRow, description_rows
from dcrrg.model import NOT_MENTIONED, OBSERVATION_STARTS, SPECIAL_TOKENS, DcrrgModel
from dcrrg.model_card import write_model_card
from dcrrg.observation_loss import balanced_weights, draw_studies
from dcrrg.preset import Preset, load_preset
from dcrrg.steps import (
    Contrast,
    DescriptionItems,
    Descriptions,
    FilmItems,
    ImageObservations,
    ReportItems,
    Reports,
    TextObservations,
)
from dcrrg.variants import default_extra_corpus, find_variant
from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import encode_reports, train_report_tokenizer
from rrgbench.modeling.text_encoder import shape_of, with_vocabulary
from rrgbench.models import WEIGHTS
from rrgbench.training.chain import Stage, encode_frozen, open_run, publish, train_stages
from rrgbench.training.data import FilmSource, TrainingData, gather_labelled_films, gather_training_data
from rrgbench.training.items import Collate, DrawnFilms, PairItems, ReportWritingItems
from rrgbench.training.options import AS_PRESET, StageOptions, deciding
from rrgbench.training.stage import Progress, StageSettings, first_process
from rrgbench.training.starting_weights import starting_weights

STEPS = (1, 2, 3, 4)
# reports before films: variants that differ in films alone then share what was learned from reports
STAGES = {1: ("step1-text", "step1-image"), 2: ("step2",), 3: ("step3",), 4: ("step4",)}
STAGE_ORDER = [stage for step in STEPS for stage in STAGES[step]]


class Sources:
    """What a model learns from, read when it is first needed: a run whose stages are finished reads nothing.

    Parameters
    ----------
    corpus : Corpus
        Paired, or films with a text source.
    extra : Corpus, optional
        A second corpus, whose films and labels step 1 may learn from too.
    image_size, limit, progress, film_cache
        As in `rrgbench.training.data.gather_training_data`.
    """

    def __init__(
        self,
        corpus: Corpus,
        extra: Corpus | None,
        image_size: int,
        limit: int | None,
        progress: Progress | None,
        film_cache: Path | None,
    ) -> None:
        self.corpus, self.extra = corpus, extra
        self.image_size, self.limit, self.progress, self.film_cache = image_size, limit, progress, film_cache

    def _reading(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress("reading films", done, total, "")

    @cached_property
    def data(self) -> TrainingData:
        """Films and reports of the corpus."""
        return gather_training_data(self.corpus, self.image_size, self.limit, self._reading, self.film_cache)

    @cached_property
    def validation(self) -> TrainingData:
        """Films and reports of the corpus's validation split."""
        return gather_training_data(
            self.corpus, self.image_size, None, self._reading, self.film_cache, split="validate"
        )

    @cached_property
    def extra_films(self) -> FilmSource | None:
        """Films of the second corpus, if there is one."""
        if self.extra is None:
            return None
        return gather_labelled_films(self.extra, self.image_size, self.limit, self._reading, self.film_cache)


def train(
    corpus: Corpus,
    *,
    preset: str = "tiny",
    out: Path,
    steps: Sequence[int] = STEPS,
    seed: int = 0,
    progress: Progress | None = None,
    limit: int | None = None,
    film_cache: Path | None = None,
    variant: str | None = None,
    extra: Corpus | None = None,
    options: StageOptions = AS_PRESET,
) -> Path:
    """Train a DCRRG model on a corpus's training split.

    Parameters
    ----------
    corpus : Corpus
        Paired, or films with a text source (steps 3 and 4 then learn from reports alone).
    preset : str
        A preset's name or YAML file.
    out : Path
        The trained model is written here, each stage's below `stages/`. Called again after a kill it goes on from the
        last finished epoch.
    steps : sequence of int
        Which of the four steps; a step starts from the newest earlier step found in `out`.
    seed : int
        Of everything random.
    progress : callable, optional
        Called with (stage, done, total, note).
    limit : int, optional
        At most that many training studies of each source; the preset's limit, if it has one, by default.
    film_cache : Path, optional
        Folder in which decoded films are kept for later runs.
    variant : str, optional
        A model of the paper's Tables 4 and 5 (`dcrrg.variants`): its choices are laid over the preset, and of `steps`
        those are taken that it has.
    extra : Corpus, optional
        A second corpus whose films and labels step 1 learns from too. A variant with extra data takes the corpus's
        default one if none is given.
    options : StageOptions
        Hyper-parameters for every stage, over the preset's.

    Returns
    -------
    Path
        `out`, loadable by `DcrrgModel.from_pretrained`.

    Raises
    ------
    InputError
        If the corpus lacks films or reports, `out` holds a run of other settings, or extra films are given to a
        variant that has none.
    UnknownNameError
        If there is no such variant or preset.
    """
    settings = options.applied(load_preset(preset))
    if variant is not None:
        chosen = find_variant(variant)
        settings, steps = chosen.applied(settings), [step for step in chosen.steps if step in steps]
        if extra is not None and not chosen.extra:
            raise InputError(f"variant {variant} learns from no extra films; leave --extra-corpus out")
        if chosen.extra and extra is None:
            extra = default_extra_corpus(corpus)
    limit = settings.limit if limit is None else limit
    inputs = {"corpus": corpus.identity, "digest": corpus.digest, "seed": seed, "limit": limit, "variant": variant}
    inputs |= {"preset": deciding(settings), "extra": None if extra is None else extra.digest}
    inputs |= {"starting_weights": starting_weights(settings.model)}
    # a run may be called step by step, and what is recorded makes all of it
    recorded = [step for step in STEPS if step in steps or _finished(out, step)]
    command = training_command(
        corpus, preset, seed, steps=recorded, limit=limit, variant=variant, extra=extra, options=options
    )
    open_run(out, inputs, {"preset_name": Path(preset).stem, "command": command})
    sources = Sources(corpus, extra, DcrrgConfig(**settings.model).image_size, limit, progress, film_cache)
    train_stages(
        out,
        STAGE_ORDER,
        [stage for step in sorted(steps) for stage in STAGES[step]],
        lambda: new_model(settings, sources.data.reports.reports, seed),
        DcrrgModel.from_pretrained,
        lambda stage, model: stage_plan(stage, model, sources, settings, seed, with_extra=extra is not None),
        seed,
        progress,
    )
    publish(out, STAGE_ORDER, DcrrgModel.from_pretrained, settings.storage)
    if first_process():
        write_model_card(out)
    return out


def _finished(out: Path, step: int) -> bool:
    return all((out / "stages" / stage / "model" / WEIGHTS).is_file() for stage in STAGES[step])


def new_model(settings: Preset, reports: Sequence[str], seed: int) -> DcrrgModel:
    """An untrained model of a preset, its tokenizer learned from reports; encoders start from the preset's weights."""
    set_seed(seed)
    tokenizer = train_report_tokenizer(reports, SPECIAL_TOKENS, settings.min_word_count)
    options = {key: value for key, value in settings.model.items() if key != "text_encoder"}
    text_encoder, text_tokenizer = with_vocabulary(settings.model["text_encoder"], tokenizer)
    config = DcrrgConfig(
        **options, text_encoder=text_encoder, vocabulary=len(tokenizer), pad_token_id=tokenizer.pad_token_id
    )
    model = DcrrgModel(config, pretrained_encoders=True)
    # so that the saved configuration rebuilds the networks without their weights' source
    model.config.text_encoder = shape_of(model.text_encoder, text_encoder)
    model.tokenizer, model.text_tokenizer = tokenizer, text_tokenizer
    return model


def stage_settings(stage: str, settings: Preset) -> StageSettings:
    """A stage's hyper-parameters."""
    if stage == "step4" and settings.step4_full is not None and _tuning(settings) == "full":
        return settings.step4_full
    found: StageSettings = getattr(settings, stage.replace("-", "_"))
    return found


def _tuning(settings: Preset) -> str:
    return DcrrgConfig(**settings.model).tuning


def stage_plan(stage: str, model: DcrrgModel, sources: Sources, settings: Preset, seed: int, with_extra: bool) -> Stage:
    """Module, items, and what is trained of a stage."""
    hyper = stage_settings(stage, settings)
    if stage == "step4":
        # a model that comes from a stage which several variants share was made for one of them
        model.config.tuning = _tuning(settings)
    module, parts = _trained(stage, model, sources.data.paired)
    extra = sources.extra_films if with_extra and stage == "step1-image" else None
    as_they_are = settings.model_copy(update={"balance": False, "augment": False, "pairs": "own"})
    return Stage(
        module,
        _items(stage, model, sources.data, seed, settings, extra=extra),
        Collate(model.tokenizer.pad_token_id, model.text_tokenizer, model.config.max_text),
        parts,
        hyper,
        None if hyper.patience is None else _items(stage, model, sources.validation, seed, as_they_are),
    )


def _trained(stage: str, model: DcrrgModel, paired: bool) -> tuple[nn.Module, Sequence[nn.Module | nn.Parameter]]:
    """A stage's module, and the parts of the model that it trains."""
    if stage == "step1-image":
        return ImageObservations(model), [model.image_encoder, model.image_projection, model.image_head]
    if stage == "step1-text":
        return TextObservations(model), [model.text_encoder, model.text_projection, model.text_head]
    image = [model.image_encoder, model.image_projection]
    if stage == "step2":
        return Contrast(model), [*image, model.text_encoder, model.text_projection, model.log_temperature]
    if stage == "step3":
        return Descriptions(model), [model.decoder, model.description_head]
    if model.config.tuning == "prompt":
        return Reports(model), [model.report_head, model.prompts]
    return Reports(model), [*(image if paired else []), model.decoder, model.report_head]


def _items(
    stage: str,
    model: DcrrgModel,
    data: TrainingData,
    seed: int,
    settings: Preset,
    extra: FilmSource | None = None,
) -> Dataset[Any]:
    """What a stage learns from, or is validated on."""
    augment = settings.augment
    if stage == "step1-image":
        sources = [data.films, *([] if extra is None else [extra])]
        return FilmItems(sources, settings.balance, augment, seed)
    if stage == "step1-text":
        return ReportItems(data.reports, settings.balance, seed)
    if stage == "step2":
        return _pair_items(data, settings, seed)
    if stage == "step3":
        rows = _description_rows(model, data.reports.reports, settings, seed)
        return DescriptionItems(_memories(model, data), rows, model.config.description_memory)
    reports = encode_reports(model.tokenizer, data.reports.reports, REPORT_START, model.config.max_report)
    if model.config.tuning == "full" and data.paired:
        return ReportWritingItems(reports, films=DrawnFilms(data.films.films, augment, seed))
    return ReportWritingItems(reports, memory=_memories(model, data)[0])


def _pair_items(data: TrainingData, settings: Preset, seed: int) -> PairItems:
    weights = balanced_weights(data.films.labels, data.films.known) if settings.pairs == "balanced" else None
    return PairItems(
        data.films,
        data.reports,
        own=data.paired and settings.pairs != "labels",
        augment=settings.augment,
        seed=seed,
        draw=None if weights is None else lambda rng: draw_studies(weights, rng)[0],
    )


def _memories(model: DcrrgModel, data: TrainingData) -> list[Tensor]:
    """Prompted representations (n, 14, P) of the frozen encoders: films and reports if paired, else reports alone."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.eval().to(device)
    memories = [encode_frozen(lambda texts: model.text_observations(*model.encode_texts(texts)), data.reports.reports)]
    if data.paired:
        memories.insert(
            0,
            encode_frozen(lambda part: model.image_observations(torch.from_numpy(part).to(device)), data.films.films),
        )
    return memories


def _description_rows(
    model: DcrrgModel, reports: Sequence[str], settings: Preset, seed: int
) -> list[list[DescriptionRow]]:
    starts = model.tokenizer.convert_tokens_to_ids(list(OBSERVATION_STARTS))
    return description_rows(
        reports,
        model.tokenizer,
        starts,
        model.tokenizer.convert_tokens_to_ids(NOT_MENTIONED),
        model.config.max_description,
        settings.no_finding_description,
        settings.description_sets,
        seed,
        settings.unmentioned,
    )


def training_command(
    corpus: Corpus,
    preset: str,
    seed: int,
    *,
    steps: Sequence[int] = STEPS,
    limit: int | None = None,
    variant: str | None = None,
    extra: Corpus | None = None,
    options: StageOptions = AS_PRESET,
) -> str:
    """The command that trains the same model, without folders."""
    whole = find_variant(variant).steps if variant else STEPS
    which = "all" if tuple(sorted(steps)) == whole else " --step ".join(str(step) for step in sorted(steps))
    words = {
        "--preset": Path(preset).name,
        "--variant": variant,
        "--extra-corpus": None if extra is None else extra.name,
        "--step": which,
        "--seed": seed,
        "--limit": limit,
    }
    given = [f"{name} {value}" for name, value in words.items() if value is not None and value != ""]
    return " ".join(["rrgbench train --model dcrrg", *corpus.flags, *given, *options.flags()])
