"""Trains a named set of variants over several seeds; stages that variants have in common are trained once.

out/stages/<stage>-<digest>/   one stage, by the digest of everything that decides it
out/<variant>/seed-<s>/        the trained model, its record and its card
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from dcrrg.configuration import DcrrgConfig
from dcrrg.model import DcrrgModel
from dcrrg.model_card import write_model_card
from dcrrg.preset import Preset, load_preset
from dcrrg.training import STAGES, Sources, new_model, stage_plan, stage_settings, training_command
from dcrrg.variants import Variant, chosen_variants, default_extra_corpus
from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError
from rrgbench.training.chain import (
    StageIdentity,
    alone,
    keep_stage_reports,
    open_run,
    publish_model,
    stage_chain,
    stage_reports_kept,
    train_shared_stages,
)
from rrgbench.training.options import AS_PRESET, NOT_DECIDING, StageOptions, deciding
from rrgbench.training.stage import Progress, StageSettings, first_process, process_count, several_processes
from rrgbench.training.starting_weights import starting_weights

STAGES_VERSION = 2
"""To be raised whenever the code makes other weights of the same inputs."""


def train_variants(
    corpus: Corpus,
    *,
    variants: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    preset: str = "tiny",
    extra: Corpus | None = None,
    progress: Progress | None = None,
    limit: int | None = None,
    film_cache: Path | None = None,
    options: StageOptions = AS_PRESET,
) -> list[Path]:
    """Train variants with each seed; called again after a kill it goes on from the last finished epoch.

    Parameters
    ----------
    corpus : Corpus
        As in `dcrrg.training.train`.
    variants : sequence of str
        Variants or sets of them (`dcrrg.variants`).
    seeds : sequence of int
        Each variant is trained with each of them.
    out : Path
        The set's folder.
    preset : str
        A preset's name or YAML file.
    extra : Corpus, optional
        The second film corpus, for those variants that learn from one; the corpus's default if none is given.
    progress : callable, optional
        Called with (what, done, total, note).
    limit, film_cache, options
        As in `dcrrg.training.train`.

    Returns
    -------
    list of Path
        Folders of the trained models, seed by seed.

    Raises
    ------
    InputError
        If a variant needs a second corpus and there is none, none of them needs the given one, or `out` holds a model
        made otherwise.
    UnknownNameError
        If there is no such variant, set or preset.
    """
    chosen = chosen_variants(variants)
    if extra is not None and not any(variant.extra for variant in chosen):
        raise InputError("none of the chosen variants learns from extra films; leave --extra-corpus out")
    if extra is None and any(variant.extra for variant in chosen):
        extra = default_extra_corpus(corpus)
    settings = options.applied(load_preset(preset))
    limit = settings.limit if limit is None else limit
    image_size = DcrrgConfig(**settings.model).image_size
    sources = Sources(corpus, extra, image_size, limit, progress, film_cache)
    done = []
    for seed in seeds:
        for variant in chosen:
            folder = out / variant.name / f"seed-{seed}"
            command = training_command(
                corpus,
                preset,
                seed,
                steps=variant.steps,
                limit=limit,
                variant=variant.name,
                extra=extra if variant.extra else None,
                options=options,
            )
            _train_one(variant, variant.applied(settings), sources, seed, out, folder, Path(preset).stem, command)
            done.append(folder)
    return done


def identify_stages(variant: Variant, settings: Preset, sources: Sources, seed: int) -> list[StageIdentity]:
    """Identities of a variant's stages in order.

    Parameters
    ----------
    variant : Variant
        Which steps.
    settings : Preset
        With the variant's choices.
    sources : Sources
        What it learns from; nothing is read.
    seed : int
        Of everything random.
    """
    shape = {key: value for key, value in settings.model.items() if key != "tuning"}
    common = {
        "version": STAGES_VERSION,
        "corpus": sources.corpus.digest,
        "limit": sources.limit,
        "seed": seed,
        "model": shape,
        "min_word_count": settings.min_word_count,
        **({"starting_weights": found} if (found := starting_weights(settings.model)) else {}),
        # a batch is that of one process
        **({"processes": process_count()} if several_processes() else {}),
    }
    extra = sources.extra.digest if variant.extra and sources.extra is not None else None
    films = {"augment": settings.augment}
    full = variant.tuning == "full"
    own: dict[str, dict[str, Any]] = {
        "step1-text": {"balance": settings.balance},
        "step1-image": {"balance": settings.balance, "extra": extra, **films},
        "step2": films | settings.model_dump(include={"pairs"}, exclude_defaults=True),
        "step3": settings.model_dump(include={"no_finding_description", "description_sets"})
        | settings.model_dump(include={"unmentioned"}, exclude_defaults=True),
        "step4": {"tuning": variant.tuning, **(films if full else {})},
    }
    names = [name for step in variant.steps for name in STAGES[step]]
    return stage_chain(common, [(n, {**own[n], "settings": _chosen(stage_settings(n, settings))}) for n in names])


def _chosen(settings: StageSettings) -> dict[str, Any]:
    """Hyper-parameters that are not the default, so that an option which is added later changes no identity."""
    defaults = {field.name: field.default for field in fields(settings)} | {NOT_DECIDING: settings.workers}
    return {name: value for name, value in asdict(settings).items() if value != defaults[name]}


def _train_one(
    variant: Variant,
    settings: Preset,
    sources: Sources,
    seed: int,
    out: Path,
    folder: Path,
    preset_name: str,
    command: str,
) -> None:
    chain = identify_stages(variant, settings, sources, seed)
    extra = sources.extra if variant.extra else None
    inputs = {
        "variant": variant.name,
        "corpus": sources.corpus.identity,
        "digest": sources.corpus.digest,
        "extra": None if extra is None else extra.digest,
        "seed": seed,
        "limit": sources.limit,
        "stages": [stage.folder for stage in chain],
    }
    about = {"preset_name": preset_name, "command": command, "preset": deciding(settings)}
    open_run(folder, inputs, about)
    if stage_reports_kept(folder):
        return
    title = f"{variant.name} seed {seed}"
    progress = sources.progress
    newest = train_shared_stages(
        out / "stages",
        chain,
        lambda: new_model(settings, sources.data.reports.reports, seed),
        DcrrgModel.from_pretrained,
        lambda stage, model: stage_plan(stage, model, sources, settings, seed, with_extra=variant.extra),
        seed,
        None if progress is None else lambda stage, at, total, note: progress(f"{title} {stage}", at, total, note),
    )
    with alone(folder):
        # another run of the same set may have come here first
        if stage_reports_kept(folder):
            return
        publish_model(newest, folder, DcrrgModel.from_pretrained, settings.storage)
        if first_process():
            write_model_card(folder)
        keep_stage_reports(out / "stages", chain, folder)
