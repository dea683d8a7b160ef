"""Trains DCRRG: which steps a model takes, in which order, and how an untrained one is made.

What a step is says its own file: `dcrrg/step1.py` to `dcrrg/step4.py`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, InstanceOf, field_validator
from transformers import set_seed

from dcrrg import heads, linear_start, step1, step2, step3, step3_all, step4
from dcrrg.card import write_model_card
from dcrrg.composition import with_composed
from dcrrg.configuration import DECODING, DcrrgConfig, Preset, load_preset
from dcrrg.model import SPECIAL_TOKENS, DcrrgModel
from dcrrg.variants import Variant, chosen_variants, default_extra_corpus
from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError
from rrgbench.modeling.report_tokenizer import train_report_tokenizer
from rrgbench.modeling.text_encoder import shape_of, with_vocabulary
from rrgbench.training.chain import Recipe, Stage, read_record
from rrgbench.training.data import Sources
from rrgbench.training.encoder_start import start_of, started
from rrgbench.training.settings import deciding, starting_weights
from rrgbench.training.trainers import Request, Trainer

STEPS = (1, 2, 3, 4)

NETWORKS = 2
"""To be raised whenever DCRRG's code or defaults make other weights of the same preset."""


class DcrrgOptions(BaseModel):
    """Options of DCRRG's trainer.

    Attributes
    ----------
    step : tuple of int
        Which of the four steps the model takes, beside those that the one in the folder has taken; all by default.
    variant : tuple of str
        Models of the paper's Tables 4 and 5 or sets of them (`dcrrg.variants`): their choices are laid over the preset,
        and of `step` those are taken that they have. Without one the preset says everything.
    extra_corpus : Corpus, optional
        A second corpus whose films and labels step 1 learns from too. A variant with extra data takes the corpus's
        default one if none is given.
    """

    model_config = ConfigDict(extra="forbid")

    step: tuple[int, ...] = STEPS
    variant: tuple[str, ...] = ()
    extra_corpus: InstanceOf[Corpus] | None = None

    @field_validator("step", mode="before")
    @classmethod
    def _steps(cls, given: Any) -> tuple[int, ...]:
        words = [str(one) for one in (given if isinstance(given, list | tuple) else [given])]
        for word in words:
            if word not in ("1", "2", "3", "4", "all"):
                raise InputError(f"--step {word!r} is not a step; give 1, 2, 3, 4 or all")
        return STEPS if "all" in words else tuple(sorted({int(word) for word in words}))

    @field_validator("variant", mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else tuple(given)


def recipes(request: Request, options: DcrrgOptions) -> list[Recipe[DcrrgModel]]:
    """How the models that are asked for come to be: each variant with each seed, or a single model.

    Raises
    ------
    InputError
        If a variant needs a second corpus and there is none, or no model learns from the given one.
    UnknownNameError
        If there is no such variant, set or preset.
    """
    preset = request.stages.applied(load_preset(request.preset))
    preset = preset.model_copy(update={"model": preset.model | encoder_from(preset.model, request.encoder)})
    limit = preset.limit if request.limit is None else request.limit
    variants: Sequence[Variant | None] = chosen_variants(options.variant) if options.variant else [None]
    extra = options.extra_corpus
    wanting = [variant for variant in variants if variant is None or variant.extra]
    if extra is not None and not wanting:
        names = ", ".join(options.variant)
        raise InputError(f"variant {names} learns from no extra films; leave --extra-corpus out")
    if extra is None and any(variant is not None for variant in wanting):
        extra = default_extra_corpus(request.corpus)
    sources = request.sources(preset.config.image_size, limit, extra)
    several = request.apart or len(variants) * len(request.seeds) > 1
    steps = set(options.step) | (set() if several else _taken(request.out))
    return [
        recipe(request, preset if variant is None else variant.applied(preset), sources, seed, variant, steps)
        for seed in request.seeds
        for variant in variants
    ]


def encoder_from(model: dict[str, Any], start: str | None) -> dict[str, Any]:
    """The image encoder of a preset's model with the start that is asked for, if one is."""
    return {"image_encoder": started(model["image_encoder"], start)} if start is not None else {}


def _taken(out: Path) -> set[int]:
    """Steps that the model of a folder has taken: a model may be trained step by step."""
    return set((read_record(out) or {}).get("steps", []))


def recipe(
    request: Request, preset: Preset, sources: Sources, seed: int, variant: Variant | None, steps: set[int]
) -> Recipe[DcrrgModel]:
    """How one model comes to be.

    Parameters
    ----------
    request : Request
        What was asked for.
    preset : Preset
        With the variant's choices.
    sources : Sources
        What it learns from; nothing is read here.
    seed : int
        Of everything random.
    variant : Variant, optional
        Of which of the steps it takes its own, and whether it learns from the extra films.
    steps : set of int
        Steps asked for.
    """
    has = STEPS if variant is None else variant.steps
    taken = [step for step in has if step in steps]
    corpus, limit = sources.corpus, sources.limit
    extra = sources.extra if variant is None or variant.extra else None
    weights = starting_weights(preset.model)
    name = None if variant is None else variant.name
    given = {"--variant": name, "--extra-corpus": extra and extra.name}
    words = [f"{flag} {word}" for flag, word in given.items() if word]
    words += ["--step all"] if tuple(taken) == has else [f"--step {step}" for step in taken]
    if corpus.paired and preset.config.tuning == "full" and preset.config.decides and 4 in taken:
        raise InputError(
            f"tuning: full moves the image encoder under the heads whose decisions the decoder reads (decoder_memory: "
            f"{preset.config.decoder_memory}); choose tuning: prompt or decoder_memory: representations"
        )
    sets = (1 in taken and preset.image_start != "trained") or (3 in taken and preset.image_start != "linear")
    if preset.config.decides and 4 in taken and not sets:
        raise InputError(
            f"decoder_memory: {preset.config.decoder_memory} reads decisions, and no step that is taken sets their "
            f"thresholds ({'step 1' if preset.image_start == 'linear' else 'step 3'} does); take it too, or choose "
            "decoder_memory: representations"
        )
    chain = [stage for step in taken for stage in stages(step, preset, sources, seed, extra is not None)]
    if preset.heads is not None and heads.moved(preset, taken, corpus.paired):
        writing = [at for at, one in enumerate(chain) if preset.config.decides and one.name in ("step3", "step4")]
        place = min(writing, default=len(chain))
        chain.insert(place, heads.stage(preset, preset.heads, sources, seed, extra is not None))
    return Recipe(
        stages=chain,
        new_model=lambda: new_model(
            preset, with_composed(sources.data, preset.composed_reports, seed).reports.reports, seed
        ),
        load=DcrrgModel.from_pretrained,
        seed=seed,
        common={
            "model": {key: value for key, value in preset.model.items() if key not in DECODING},
            "networks": NETWORKS,
            "corpus": corpus.digest,
            "limit": limit,
            "min_word_count": preset.min_word_count,
            # they have words of their own
            **preset.model_dump(include={"composed_reports"}, exclude_defaults=True),
            "starting_weights": weights,
        },
        inputs={
            "model": "dcrrg",
            "variant": name,
            "corpus": corpus.identity,
            "digest": corpus.digest,
            "extra": extra and extra.digest,
            "limit": limit,
            "preset": deciding(preset),
            "starting_weights": weights,
        },
        about={
            "preset_name": Path(request.preset).stem,
            "command": request.command("dcrrg", seed, limit, words),
            "steps": taken,
            "starts_from": start_of(preset.model["image_encoder"]),
            "paired": corpus.paired,
        },
        variant=name,
        sources=sources,
        storage=preset.storage,
        finish=write_model_card,
    )


def stages(step: int, preset: Preset, sources: Sources, seed: int, extra: bool) -> list[Stage[DcrrgModel]]:
    """The stages of one of the paper's steps; `extra` says whether the sources' second corpus is learned from."""
    if step == 1:
        start = [] if preset.image_start == "trained" else [linear_start.stage(preset, sources, seed, extra)]
        trained = [] if preset.image_start == "linear" else [step1.image_stage(preset, sources, seed, extra)]
        return [step1.text_stage(preset, sources, seed), *start, *trained]
    third = step3_all if preset.step3_trains == "all" else step3
    return [{2: step2, 3: third, 4: step4}[step].stage(preset, sources, seed)]


def new_model(preset: Preset, reports: Sequence[str], seed: int) -> DcrrgModel:
    """An untrained model of a preset, its tokenizer learned from reports; encoders start from the preset's weights."""
    set_seed(seed)
    tokenizer = train_report_tokenizer(reports, SPECIAL_TOKENS, preset.min_word_count)
    options = {key: value for key, value in preset.model.items() if key != "text_encoder"}
    text_encoder, text_tokenizer = with_vocabulary(preset.model["text_encoder"], tokenizer)
    config = DcrrgConfig(
        **options, text_encoder=text_encoder, vocabulary=len(tokenizer), pad_token_id=tokenizer.pad_token_id
    )
    model = DcrrgModel(config, pretrained_encoders=True)
    # so that the saved configuration rebuilds the networks without their weights' source
    model.config.text_encoder = shape_of(model.text_encoder, text_encoder)
    model.tokenizer, model.text_tokenizer = tokenizer, text_tokenizer
    return model


train = Trainer("dcrrg", DcrrgOptions, recipes)
"""Entry point of `rrgbench.trainers`."""
