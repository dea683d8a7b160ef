"""`rrgbench train`: train a model on a corpus."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrgbench.cli.corpus_options import (
    CorpusName,
    FilmCache,
    Options,
    Reports,
    ReportsRoot,
    Root,
    SkipBadImages,
    open_corpus,
    reader_options,
)

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus

ALL = "all"


def train(
    model: Annotated[str, typer.Option("--model", "-m", help="A trainable model, or all.")] = "dcrrg",
    corpus: CorpusName = "phantom",
    root: Root = None,
    reports: Reports = None,
    reports_root: ReportsRoot = None,
    option: Options = None,
    skip_bad_images: SkipBadImages = False,
    film_cache: FilmCache = None,
    preset: Annotated[
        str, typer.Option("--preset", "-p", help="mini, ablation, tiny, small, paper or a YAML file.")
    ] = "tiny",
    step: Annotated[
        list[str] | None,
        typer.Option(
            "--step",
            help="dcrrg: 1, 2, 3, 4 or all, beside those that the model in OUT has taken; may be repeated.",
            show_default="all",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the trained model.", show_default="checkpoints/MODEL-PRESET-CORPUS"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 0,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most that many training studies.")] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option("--variant", help="A variant of the model (dcrrg: 1-7, 6a-6d); may be repeated for a named set."),
    ] = None,
    variants: Annotated[
        str | None, typer.Option("--variants", help="A set of variants: table4, table5 or all.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Seeds of a named set, such as 0,1,2.", show_default="--seed")
    ] = None,
    extra_corpus: Annotated[
        str | None,
        typer.Option(
            "--extra-corpus",
            help="dcrrg: learn from the films and labels of this corpus too. Variants with extra data take phantom-b "
            "beside the phantom if it is left out.",
        ),
    ] = None,
    extra_root: Annotated[Path | None, typer.Option("--extra-root", help="Folder of the --extra-corpus.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Another option of the model's own trainer as KEY=VALUE; may be repeated."),
    ] = None,
    accumulate: Annotated[
        int | None,
        typer.Option(
            "--accumulate",
            min=1,
            help="Batches whose gradients are averaged before a step.",
            show_default="the preset's",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            min=1,
            help="Stop a stage after that many epochs without a lower validation loss; keep the best epoch's weights.",
            show_default="the preset's",
        ),
    ] = None,
    bf16: Annotated[
        bool | None, typer.Option("--bf16/--no-bf16", help="Mixed precision in bfloat16.", show_default="the preset's")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=0,
            help="Processes that prepare batches beside the training process.",
            show_default="the preset's",
        ),
    ] = None,
) -> None:
    """Train a model; a killed run is resumed from its last epoch by the same command.

    With --variants, --seeds or several --variant, a set is trained into OUT/VARIANT/seed-SEED; what its models have in
    common is trained once, below OUT/stages.

    Example: rrgbench train --model dcrrg --corpus phantom --preset tiny --step all --out checkpoints/mine

    Example: rrgbench train --model all --preset mini --out checkpoints/all

    Example: rrgbench train --variants all --seeds 0,1,2 --preset ablation --out ablations
    """
    from rrgbench.cli.progress import bars
    from rrgbench.errors import InputError
    from rrgbench.training.settings import StageOptions
    from rrgbench.training.trainers import Request, load_trainer, trainer_names

    own = reader_options(setting, "--set")
    own |= {"step": step} if step else {}
    chosen = [*(variant or []), *([variants] if variants else [])]
    own |= {"variant": chosen} if chosen else {}
    apart = variants is not None or seeds is not None or len(chosen) > 1
    extra = extra_films(extra_corpus, extra_root)
    own |= {"extra_corpus": extra} if extra is not None else {}
    if model == ALL and own:
        raise InputError(
            "--model all takes no --step, --variant, --extra-corpus or --set: those belong to single models"
        )
    trainers = {name: load_trainer(name) for name in (trainer_names() if model == ALL else [model])}
    suffix = ["variants"] if apart else []
    place = out or Path("checkpoints") / "-".join(
        [model, *([] if apart else chosen), Path(preset).stem, corpus, *suffix]
    )
    request = Request(
        open_corpus(corpus, root, reports, reports_root, option, skip_bad_images),
        place,
        preset,
        seeds=[seed] if seeds is None else parsed_seeds(seeds),
        apart=apart,
        limit=limit,
        film_cache=film_cache,
        stages=StageOptions(accumulate=accumulate, patience=patience, bf16=bf16, workers=workers),
    )
    done = 0
    for name, trainer in trainers.items():
        with bars(f"training {name} on {request.corpus.name}") as shown:
            asked = replace(request, out=place / name if model == ALL else place, progress=shown.part)
            try:
                done += len(trainer(asked, **own))
            except InputError as error:
                if model != ALL:
                    raise
                # a corpus without pairs, say, is not every system's fault
                typer.echo(f"left out: {name}: {error}", err=True)
    trained = f"{done} trained models in {place}" if done > 1 else f"Trained model in {place}"
    further = f"claims --runs {place}" if apart else f"eval --model {model} --checkpoint {place}"
    typer.echo(f"{trained}; try: rrgbench {further}", err=True)


def extra_films(name: str | None, root: Path | None) -> "Corpus | None":
    """The second film corpus that the options ask for.

    Raises
    ------
    InputError
        If a folder is given, but not which corpus lies there.
    """
    from rrgbench.errors import InputError

    if name is None and root is not None:
        raise InputError("--extra-root is given without --extra-corpus, so it is not known which corpus lies there")
    return open_corpus(name, root, None, None) if name else None


def parsed_seeds(text: str) -> list[int]:
    """Seeds from `0,1,2`, each once.

    Raises
    ------
    InputError
        If the text is not such a list.
    """
    from rrgbench.errors import InputError

    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise InputError(f"--seeds expects whole numbers from 0 up, such as 0,1,2; given: {text!r}")
    return list(dict.fromkeys(int(part) for part in parts))
