"""Trains DCRRG: the four steps in order, each resumable, each leaving a model of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import AutoTokenizer, set_seed

from dcrrg.configuration import DcrrgConfig
from dcrrg.model import NOT_MENTIONED, OBSERVATION_STARTS, REPORT_START, SPECIAL_TOKENS, DcrrgModel
from dcrrg.model_card import write_model_card
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
from rrgbench.data.corpus import Corpus
from rrgbench.modeling.image_encoder import network_settings
from rrgbench.modeling.report_tokenizer import encode_reports, train_report_tokenizer
from rrgbench.modeling.training import Progress, StageSettings
from rrgbench.modeling.training_data import TrainingData, gather_training_data
from rrgbench.modeling.training_items import Collate, DrawnFilms, PairItems, ReportWritingItems
from rrgbench.modeling.training_run import Stage, encode_frozen, open_run, publish, train_stages

STEPS = (1, 2, 3, 4)
STAGES = {1: ("step1-image", "step1-text"), 2: ("step2",), 3: ("step3",), 4: ("step4",)}
STAGE_ORDER = [stage for step in STEPS for stage in STAGES[step]]


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
        At most that many training studies (for trials).
    film_cache : Path, optional
        Folder in which decoded films are kept for later runs.

    Returns
    -------
    Path
        `out`, loadable by `DcrrgModel.from_pretrained`.

    Raises
    ------
    InputError
        If the corpus lacks films or reports, or `out` holds a run of other settings.
    """
    settings = load_preset(preset)
    inputs = {"corpus": corpus.identity, "digest": corpus.digest, "seed": seed, "limit": limit}
    inputs["preset"] = settings.model_dump(mode="json")
    open_run(out, inputs, {"preset_name": Path(preset).stem, "command": _command(corpus, preset, steps, seed)})
    image_size = DcrrgConfig(**settings.model).image_size
    data = gather_training_data(
        corpus,
        image_size,
        limit,
        None if progress is None else lambda i, n: progress("reading films", i, n, ""),
        film_cache,
    )
    stages = [stage for step in sorted(steps) for stage in STAGES[step]]
    train_stages(
        out,
        STAGE_ORDER,
        stages,
        lambda: new_model(settings, data.reports.reports, seed),
        DcrrgModel.from_pretrained,
        lambda stage, model: _stage(stage, model, data, settings, seed),
        seed,
        progress,
    )
    publish(out, STAGE_ORDER, DcrrgModel.from_pretrained, settings.storage)
    write_model_card(out)
    return out


def new_model(settings: Preset, reports: Sequence[str], seed: int) -> DcrrgModel:
    """An untrained model of a preset, its tokenizer learned from reports; encoders start from the preset's weights."""
    set_seed(seed)
    tokenizer = train_report_tokenizer(reports, SPECIAL_TOKENS, settings.min_word_count)
    options = {key: value for key, value in settings.model.items() if key != "text_encoder"}
    text_encoder = dict(settings.model["text_encoder"])
    weights = text_encoder.get("weights")
    if weights:
        text_tokenizer = AutoTokenizer.from_pretrained(weights)
        text_encoder["own_vocabulary"] = True
    else:
        text_tokenizer = tokenizer
        text_encoder["vocab_size"] = len(tokenizer)
        text_encoder["pad_token_id"] = tokenizer.pad_token_id
    config = DcrrgConfig(
        **options, text_encoder=text_encoder, vocabulary=len(tokenizer), pad_token_id=tokenizer.pad_token_id
    )
    model = DcrrgModel(config, pretrained_encoders=True)
    if weights:
        # the weights' own shape, so that the saved configuration rebuilds the network without them
        model.config.text_encoder = {**model.text_encoder.config.to_diff_dict(), "own_vocabulary": True}
    if config.image_encoder.get("weights") and config.image_encoder["kind"] == "resnet":
        model.config.image_encoder = {"kind": "resnet", **network_settings(model.image_encoder)}
    model.tokenizer, model.text_tokenizer = tokenizer, text_tokenizer
    return model


def _stage(stage: str, model: DcrrgModel, data: TrainingData, settings: Preset, seed: int) -> Stage:
    """Module, items, and what is trained of a stage."""
    hyper: StageSettings = getattr(settings, stage.replace("-", "_"))
    collate = Collate(model.tokenizer.pad_token_id, model.text_tokenizer, model.config.max_text)

    def plan(module: nn.Module, items: Dataset[Any], parts: Sequence[nn.Module | nn.Parameter]) -> Stage:
        return Stage(module, items, collate, parts, hyper)

    if stage == "step1-image":
        films = FilmItems(data.films, settings.balance, settings.augment, seed)
        return plan(ImageObservations(model), films, [model.image_encoder, model.image_projection, model.image_head])
    if stage == "step1-text":
        items = ReportItems(data.reports, settings.balance, seed)
        return plan(TextObservations(model), items, [model.text_encoder, model.text_projection, model.text_head])
    if stage == "step2":
        encoders = [model.image_encoder, model.image_projection, model.text_encoder, model.text_projection]
        pairs = PairItems(data.films, data.reports, data.paired, settings.augment, seed)
        return plan(Contrast(model), pairs, [*encoders, model.log_temperature])
    if stage == "step3":
        descriptions = DescriptionItems(_memories(model, data), description_rows(model, data))
        return plan(Descriptions(model), descriptions, [model.decoder, model.description_head])
    rows = encode_reports(model.tokenizer, data.reports.reports, REPORT_START, model.config.max_report)
    if model.config.tuning == "full" and data.paired:
        drawn = DrawnFilms(data.films.films, settings.augment, seed)
        image = [model.image_encoder, model.image_projection]
        whole = [*image, model.decoder, model.report_head]
        return plan(Reports(model), ReportWritingItems(rows, films=drawn), whole)
    tuned = model.prompts if model.config.tuning == "prompt" else model.decoder
    writing = ReportWritingItems(rows, memory=_memories(model, data)[0])
    return plan(Reports(model), writing, [model.report_head, tuned])


def _memories(model: DcrrgModel, data: TrainingData) -> list[Tensor]:
    """Prompted representations (n, 14, P) of the frozen encoders: films and reports if paired, else reports alone."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.eval().to(device)
    memories = [encode_frozen(lambda texts: model.text_observations(*model.encode_texts(texts)), data.reports.reports)]
    if data.paired:
        films = torch.from_numpy(data.films.films)
        memories.insert(0, encode_frozen(lambda part: model.image_observations(part.to(device)), films))
    return memories


def description_rows(model: DcrrgModel, data: TrainingData) -> list[list[list[int]]]:
    """Start token, description or "not mentioned", end token, of each study and observation."""
    tokenizer, limit = model.tokenizer, model.config.max_description
    starts = tokenizer.convert_tokens_to_ids(list(OBSERVATION_STARTS))
    absent = [tokenizer.convert_tokens_to_ids(NOT_MENTIONED)]
    known: dict[str, list[int]] = {}

    def written(text: str | None) -> list[int]:
        if text is None:
            return absent
        if text not in known:
            known[text] = tokenizer(text, add_special_tokens=False)["input_ids"][: limit - 1]
        return known[text]

    return [
        [[start, *written(text), tokenizer.eos_token_id] for start, text in zip(starts, texts, strict=True)]
        for texts in data.reports.descriptions
    ]


def _command(corpus: Corpus, preset: str, steps: Sequence[int], seed: int) -> str:
    """The command that trains the same model, without folders."""
    films, _, reports = corpus.name.partition("+")
    which = "all" if tuple(sorted(steps)) == STEPS else " --step ".join(str(step) for step in sorted(steps))
    source = f"--corpus {films}" + (f" --reports {reports}" if reports else "")
    return f"rrgbench train --model dcrrg {source} --preset {Path(preset).stem} --step {which} --seed {seed}"
