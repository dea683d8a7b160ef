"""Trains the baselines: one loop for the captioners, one for the models that first embed films and reports."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import nn
from torch.utils.data import Dataset
from transformers import set_seed

from baselines.common.preset import BaselinePreset, SystemPreset, load_preset
from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError
from rrgbench.modeling.captioner import Captioner, ReportWriting
from rrgbench.modeling.image_text_model import Contrast, ImageTextModel
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import encode_reports, train_report_tokenizer
from rrgbench.modeling.text_encoder import shape_of, with_vocabulary
from rrgbench.training.chain import Stage, open_run, publish, train_stages
from rrgbench.training.data import TrainingData, gather_training_data
from rrgbench.training.items import Collate, DrawnFilms, PairItems, ReportWritingItems
from rrgbench.training.options import AS_PRESET, StageOptions, deciding
from rrgbench.training.stage import Progress
from rrgbench.training.starting_weights import starting_weights

CONTRAST, REPORT = "contrast", "report"
STEPS = (1, 2, 3, 4)
DECODER = ("decoder", "report_head")

ContrastItems = Callable[[TrainingData, bool, int], Dataset[Any]]
"""(training data, whether films are augmented, seed) to the items of the contrast."""


def pair_items(data: TrainingData, augment: bool, seed: int) -> Dataset[Any]:
    """Films beside their own reports."""
    return PairItems(data.films, data.reports, own=data.paired, augment=augment, seed=seed)


def train_baseline(
    name: str,
    model_class: type[Captioner],
    corpus: Corpus,
    *,
    out: Path,
    preset: str = "tiny",
    steps: Sequence[int] = STEPS,
    seed: int = 0,
    progress: Progress | None = None,
    limit: int | None = None,
    film_cache: Path | None = None,
    options: StageOptions = AS_PRESET,
    contrast_items: ContrastItems = pair_items,
    contrast_needs_pairs: bool = True,
) -> Path:
    """Train a baseline on a corpus's training split.

    A captioner learns to write reports; an `ImageTextModel` first its contrast, then its report decoder together with
    the image encoder, if the corpus has pairs.

    Parameters
    ----------
    name : str
        The system's registered name.
    model_class : type
        Its model.
    corpus : Corpus
        Films with reports of their own; without, if the system needs no pairs.
    out : Path
        The trained model is written here; called again after a kill it goes on from the last finished epoch.
    preset : str
        A preset's name or YAML file.
    steps : sequence of int
        Only all of them: a baseline has no numbered steps.
    seed : int
        Of everything random.
    progress : callable, optional
        Called with (stage, done, total, note).
    limit : int, optional
        At most that many training studies (for trials).
    film_cache : Path, optional
        Folder in which decoded films are kept for later runs.
    options : StageOptions
        Hyper-parameters for every stage, over the preset's.
    contrast_items : callable
        What the contrast learns from.
    contrast_needs_pairs : bool
        Whether the contrast needs films with reports of their own.

    Returns
    -------
    Path
        `out`, loadable by the model's `from_pretrained`.

    Raises
    ------
    InputError
        If the corpus is not what the system needs, or `out` holds a run of other settings.
    """
    if tuple(sorted(steps)) != STEPS:
        raise InputError(f"{name} has no numbered steps; leave --step out")
    contrastive = issubclass(model_class, ImageTextModel)
    if not corpus.paired and not (contrastive and not contrast_needs_pairs):
        raise InputError(f"{name} learns from films with reports of their own; {corpus.name} is unpaired")
    settings = options.applied(load_preset(preset))
    own = settings.systems.get(name, SystemPreset())
    shared = deciding(settings, exclude={"systems"}) | {"system": deciding(own)}
    source = " ".join(corpus.flags)
    open_run(
        out,
        {
            "model": name,
            "corpus": corpus.identity,
            "digest": corpus.digest,
            "seed": seed,
            "limit": limit,
            "preset": shared,
            "starting_weights": starting_weights(settings.model_dump(include={"image_encoder", "text_encoder"})),
        },
        {
            "preset_name": Path(preset).stem,
            "command": " ".join(
                [
                    f"rrgbench train --model '{name}' {source} --preset {Path(preset).stem} --seed {seed}",
                    *([] if limit is None else [f"--limit {limit}"]),
                    *options.flags(),
                ]
            ),
        },
    )

    def gathered(split: Literal["train", "validate"]) -> TrainingData:
        reading = None if progress is None else lambda i, n: progress("reading films", i, n, "")
        most = limit if split == "train" else None
        return gather_training_data(corpus, settings.image_size, most, reading, film_cache, split=split)

    data = gathered("train")
    order = [*([CONTRAST] if contrastive else []), *([REPORT] if corpus.paired else [])]

    def prepare(stage: str, model: Captioner) -> Stage:
        if stage == CONTRAST:
            assert isinstance(model, ImageTextModel), "only they have a contrast"
            hyper = own.contrast or settings.contrast
            collate = Collate(model.tokenizer.pad_token_id, model.text_tokenizer, model.config.max_text)
            # the decoder gets no gradient from the contrast, so it is not among what is trained
            parts = [part for name, part in model.named_parameters() if name.partition(".")[0] not in DECODER]
            items = contrast_items(data, settings.augment, seed)
            watched = None if hyper.patience is None else contrast_items(gathered("validate"), False, seed)
            return Stage(Contrast(model), items, collate, parts, hyper, watched)

        def writing(source: TrainingData, augment: bool) -> Dataset[Any]:
            rows = encode_reports(model.tokenizer, source.reports.reports, REPORT_START, model.config.max_report)
            return ReportWritingItems(rows, films=DrawnFilms(source.films.films, augment, seed))

        hyper = own.report or settings.report
        watched = None if hyper.patience is None else writing(gathered("validate"), False)
        if isinstance(model, ImageTextModel):
            model.config.writes_reports = True
            learned: list[nn.Module | nn.Parameter] = [model.image_encoder, model.decoder, model.report_head]
        else:
            learned = [model]
        collate = Collate(model.tokenizer.pad_token_id)
        return Stage(ReportWriting(model), writing(data, settings.augment), collate, learned, hyper, watched)

    def fresh() -> Captioner:
        return new_model(model_class, settings, own.model, data.reports.reports, seed)

    train_stages(out, order, order, fresh, model_class.from_pretrained, prepare, seed, progress)
    publish(out, order, model_class.from_pretrained, settings.storage)
    return out


def new_model(
    model_class: type[Captioner],
    settings: BaselinePreset,
    own: dict[str, Any],
    reports: Sequence[str],
    seed: int,
) -> Captioner:
    """An untrained baseline; its tokenizer is learned from reports, encoders start from the preset's weights."""
    set_seed(seed)
    tokenizer = train_report_tokenizer(reports, (REPORT_START,), settings.min_word_count)
    options: dict[str, Any] = {
        "image_size": settings.image_size,
        "image_encoder": settings.image_encoder,
        "vocabulary": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
    }
    if not issubclass(model_class, ImageTextModel):
        model = model_class(model_class.config_class(**options, **own), pretrained_encoders=True)
        model.tokenizer = tokenizer
        return model
    text_encoder, text_tokenizer = with_vocabulary(settings.text_encoder, tokenizer)
    embedding = model_class(
        model_class.config_class(**options, text_encoder=text_encoder, **own), pretrained_encoders=True
    )
    embedding.config.text_encoder = shape_of(embedding.text_encoder, text_encoder)
    embedding.tokenizer, embedding.text_tokenizer = tokenizer, text_tokenizer
    return embedding
