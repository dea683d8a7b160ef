"""Trains DCRRG: the four steps in order, each resumable, each leaving a model of its own."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, set_seed

from dcrrg.configuration import DcrrgConfig
from dcrrg.model import NOT_MENTIONED, OBSERVATION_STARTS, REPORT_START, SPECIAL_TOKENS, DcrrgModel
from dcrrg.model_card import write_model_card
from dcrrg.preset import Preset, load_preset
from dcrrg.steps import (
    Collate,
    Contrast,
    DescriptionItems,
    Descriptions,
    FilmItems,
    ImageObservations,
    PairItems,
    ReportItems,
    Reports,
    ReportWritingItems,
    TextObservations,
)
from dcrrg.training_data import TrainingData, gather_training_data
from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError
from rrgbench.modeling.image_encoder import network_settings
from rrgbench.modeling.report_tokenizer import train_report_tokenizer
from rrgbench.modeling.training import Progress, StageReport, StageSettings, train_stage, trainable

STEPS = (1, 2, 3, 4)
STAGES = {1: ("step1-image", "step1-text"), 2: ("step2",), 3: ("step3",), 4: ("step4",)}


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
    _check_same_run(out, inputs, {"preset_name": Path(preset).stem, "command": _command(corpus, preset, steps, seed)})
    image_size = DcrrgConfig(**settings.model).image_size
    data = gather_training_data(
        corpus,
        image_size,
        limit,
        None if progress is None else lambda i, n: progress("reading films", i, n, ""),
        film_cache,
    )
    for stage in (stage for step in sorted(steps) for stage in STAGES[step]):
        folder = out / "stages" / stage
        if (folder / "model" / "model.safetensors").is_file():
            continue
        model = _start(stage, out, settings, data, seed)
        report = _train_one(stage, model, data, settings, folder, seed, progress)
        _save_atomically(model, folder / "model")
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
        if progress is not None:
            rate = report.items / report.seconds
            progress(stage, 1, 1, f"loss {report.loss:.3f}, {report.seconds:.0f} s, {rate:.0f} items/s")
    _finish(out, settings)
    return out


def _stage_order() -> list[str]:
    return [stage for step in STEPS for stage in STAGES[step]]


def _start(stage: str, out: Path, settings: Preset, data: TrainingData, seed: int) -> DcrrgModel:
    """The model of the newest earlier stage; a fresh one where there is none."""
    order = _stage_order()
    for earlier in reversed(order[: order.index(stage)]):
        folder = out / "stages" / earlier / "model"
        if (folder / "model.safetensors").is_file():
            return DcrrgModel.from_pretrained(folder)
    return new_model(settings, data.reports.reports, seed)


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


def _train_one(
    stage: str,
    model: DcrrgModel,
    data: TrainingData,
    settings: Preset,
    folder: Path,
    seed: int,
    progress: Progress | None,
) -> StageReport:
    module, dataset, parts = _stage(stage, model, data, settings, seed)
    trainable(module, parts)
    chosen: StageSettings = getattr(settings, stage.replace("-", "_"))
    return train_stage(
        stage,
        module,
        dataset,
        Collate(model),
        chosen,
        folder,
        seed=seed,
        progress=progress,
    )


def _stage(
    stage: str, model: DcrrgModel, data: TrainingData, settings: Preset, seed: int
) -> tuple[nn.Module, Any, list[nn.Module | nn.Parameter]]:
    """Module, items, and what is trained of a stage."""
    films = FilmItems(data.films, settings.balance, settings.augment, seed)
    if stage == "step1-image":
        return ImageObservations(model), films, [model.image_encoder, model.image_projection, model.image_head]
    if stage == "step1-text":
        items = ReportItems(data.reports, settings.balance, seed)
        return TextObservations(model), items, [model.text_encoder, model.text_projection, model.text_head]
    if stage == "step2":
        encoders = [model.image_encoder, model.image_projection, model.text_encoder, model.text_projection]
        pairs = PairItems(films, data.reports, data.paired, seed)
        return Contrast(model), pairs, [*encoders, model.log_temperature]
    if stage == "step3":
        descriptions = DescriptionItems(_memories(model, data), description_rows(model, data))
        return Descriptions(model), descriptions, [model.decoder, model.description_head]
    rows = report_rows(model, data.reports.reports)
    if model.config.tuning == "full" and data.paired:
        writing = ReportWritingItems(rows, films=films)
        image = [model.image_encoder, model.image_projection]
        return Reports(model), writing, [*image, model.decoder, model.report_head]
    writing = ReportWritingItems(rows, memory=_memories(model, data)[0])
    parts: list[nn.Module | nn.Parameter] = [model.report_head]
    parts.append(model.prompts if model.config.tuning == "prompt" else model.decoder)
    return Reports(model), writing, parts


@torch.inference_mode()
def _memories(model: DcrrgModel, data: TrainingData) -> list[Tensor]:
    """Prompted representations (n, 14, P) of the frozen encoders: films and reports if paired, else reports alone."""
    model.eval()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    reports = data.reports.reports
    texts = [
        model.text_observations(*model.encode_texts(reports[start : start + 64])).cpu()
        for start in range(0, len(reports), 64)
    ]
    memories = [torch.cat(texts)]
    if data.paired:
        films = torch.from_numpy(data.films.films)
        parts = [films[start : start + 64].to(device) for start in range(0, len(films), 64)]
        memories.insert(0, torch.cat([model.image_observations(part).cpu() for part in parts]))
    # tensors made in inference mode can't enter a graph later
    return [memory.clone().detach() for memory in memories]


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


def report_rows(model: DcrrgModel, reports: Sequence[str]) -> list[list[int]]:
    """Start token, report, end token."""
    tokenizer, limit = model.tokenizer, model.config.max_report
    start = tokenizer.convert_tokens_to_ids(REPORT_START)
    encoded = tokenizer(list(reports), add_special_tokens=False)["input_ids"]
    return [[start, *ids[: limit - 1], tokenizer.eos_token_id] for ids in encoded]


def _command(corpus: Corpus, preset: str, steps: Sequence[int], seed: int) -> str:
    """The command that trains the same model, without folders."""
    films, _, reports = corpus.name.partition("+")
    which = "all" if tuple(sorted(steps)) == STEPS else " --step ".join(str(step) for step in sorted(steps))
    source = f"--corpus {films}" + (f" --reports {reports}" if reports else "")
    return f"rrgbench train --model dcrrg {source} --preset {Path(preset).stem} --step {which} --seed {seed}"


def _check_same_run(out: Path, inputs: dict[str, Any], about: dict[str, str]) -> None:
    record = out / "training.json"
    if record.is_file():
        earlier = json.loads(record.read_text())
        differs = [key for key in inputs if earlier.get(key) != inputs[key]]
        if differs:
            raise InputError(
                f"{out} holds a training run with another {', '.join(differs)}; choose another --out or remove it"
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({**inputs, **about}, indent=1, sort_keys=True))


def _save_atomically(model: DcrrgModel, folder: Path, **options: Any) -> None:
    """Write beside and rename, so that a model folder is whole or absent."""
    temporary = folder.with_name(folder.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary, **options)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def _finish(out: Path, settings: Preset) -> None:
    """The newest stage's model in the storage type, at the top of `out`."""
    newest = [
        out / "stages" / stage / "model"
        for stage in _stage_order()
        if (out / "stages" / stage / "model" / "model.safetensors").is_file()
    ]
    if not newest:
        raise InputError(f"{out}: no step was trained; give --step 1, 2, 3, 4 or all")
    model = DcrrgModel.from_pretrained(newest[-1])
    half = settings.storage == "float16"
    temporary = out / "final.part"
    shutil.rmtree(temporary, ignore_errors=True)
    # only matrices and kernels: the statistics of batch norms may be too large for half precision
    state = {name: t.half() if half and t.ndim > 1 else t for name, t in model.state_dict().items()}
    model.save_pretrained(temporary, state_dict=state)
    for path in sorted(temporary.iterdir()):
        os.replace(path, out / path.name)
    temporary.rmdir()
    write_model_card(out)
