"""`rrgbench train`: train a model on a corpus."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
        list[str] | None, typer.Option("--step", help="dcrrg: 1, 2, 3, 4 or all; may be repeated.", show_default="all")
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
            help="Learn from the films and labels of this corpus too. Variants with extra data take phantom-b beside "
            "the phantom if it is left out.",
        ),
    ] = None,
    extra_root: Annotated[Path | None, typer.Option("--extra-root", help="Folder of the --extra-corpus.")] = None,
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
    """Train a model; a killed run goes on from its last epoch by the same command.

    With --variants, --seeds or several --variant, a named set is trained into OUT/VARIANT/seed-SEED; what its models
    have in common is trained once, below OUT/stages.

    Example: rrgbench train --model dcrrg --corpus phantom --preset tiny --step all --out checkpoints/mine

    Example: rrgbench train --model all --preset mini --out checkpoints/all

    Example: rrgbench train --variants all --seeds 0,1,2 --preset ablation --out ablations
    """
    from rrgbench.cli.progress import bars
    from rrgbench.errors import InputError
    from rrgbench.training.trainers import load_trainer, load_variant_trainer, trainer_names

    # given on only where asked for: other models' trainers may not know them
    more: dict[str, Any] = {}
    if (accumulate, patience, bf16, workers) != (None, None, None, None):
        from rrgbench.training.options import StageOptions

        more["options"] = StageOptions(accumulate, patience, bf16, workers)
    names = [*(variant or []), *([variants] if variants else [])]
    if variants is not None or seeds is not None or len(names) > 1:
        if step:
            raise InputError("--step does not go with a named set: its variants say which steps they have")
        train_set = load_variant_trainer(model)
        place = out or Path("checkpoints") / f"{model}-{Path(preset).stem}-{corpus}-variants"
        chosen_seeds = parsed_seeds(seeds) if seeds is not None else [seed]
        data = open_corpus(corpus, root, reports, reports_root, option, skip_bad_images)
        extra = extra_films(extra_corpus, extra_root)
        with bars(f"training variants of {model} on {data.name}") as shown:
            folders = train_set(
                data,
                variants=names,
                seeds=chosen_seeds,
                preset=preset,
                out=place,
                extra=extra,
                progress=shown.part,
                limit=limit,
                film_cache=film_cache,
                **more,
            )
        typer.echo(f"{len(folders)} trained models in {place}; try: rrgbench claims --runs {place}", err=True)
        return
    if model == ALL:
        if names or step or extra_corpus or extra_root:
            raise InputError("--model all takes no --step, --variant or --extra-corpus: those belong to single models")
        data = open_corpus(corpus, root, reports, reports_root, option, skip_bad_images)
        place = out or Path("checkpoints") / f"{ALL}-{Path(preset).stem}-{corpus}"
        for name in trainer_names():
            with bars(f"training {name} on {data.name}") as shown:
                try:
                    load_trainer(name)(
                        data,
                        preset=preset,
                        out=place / name,
                        seed=seed,
                        progress=shown.part,
                        limit=limit,
                        film_cache=film_cache,
                        **more,
                    )
                except InputError as error:
                    # a corpus without pairs, say, is not every system's fault
                    typer.echo(f"left out: {name}: {error}", err=True)
        typer.echo(f"Trained models in {place}; try: rrgbench eval --model {ALL} --checkpoint {place}", err=True)
        return
    trainer = load_trainer(model)
    steps = chosen_steps(step or ["all"])
    place = out or Path("checkpoints") / "-".join([model, *names, Path(preset).stem, corpus])
    data = open_corpus(corpus, root, reports, reports_root, option, skip_bad_images)
    if names:
        more["variant"] = names[0]
    extra = extra_films(extra_corpus, extra_root)
    if extra is not None:
        more["extra"] = extra
    unknown = sorted(set(more) - set(inspect.signature(trainer).parameters))
    if unknown:
        flag = {"extra": "--extra-corpus", "options": "--accumulate, --patience, --bf16 or --workers"}
        raise InputError(f"model {model} takes no {flag.get(unknown[0], f'--{unknown[0]}')}")
    with bars(f"training {model} on {data.name}") as shown:
        trainer(
            data,
            preset=preset,
            out=place,
            steps=steps,
            seed=seed,
            progress=shown.part,
            limit=limit,
            film_cache=film_cache,
            **more,
        )
    typer.echo(f"Trained model in {place}; try: rrgbench eval --model {model} --checkpoint {place}", err=True)


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


def chosen_steps(given: list[str]) -> tuple[int, ...]:
    """Steps in order.

    Raises
    ------
    InputError
        If one is not 1, 2, 3, 4 or all.
    """
    from rrgbench.errors import InputError

    wrong = [step for step in given if step not in ("1", "2", "3", "4", "all")]
    if wrong:
        raise InputError(f"--step {wrong[0]!r} is not a step; give 1, 2, 3, 4 or all")
    if "all" in given:
        return (1, 2, 3, 4)
    return tuple(sorted({int(step) for step in given}))
