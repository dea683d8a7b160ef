"""`rrgbench train`: train a model on a corpus."""

from pathlib import Path
from typing import Annotated

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


def train(
    model: Annotated[str, typer.Option("--model", "-m", help="A trainable model.")] = "dcrrg",
    corpus: CorpusName = "phantom",
    root: Root = None,
    reports: Reports = None,
    reports_root: ReportsRoot = None,
    option: Options = None,
    skip_bad_images: SkipBadImages = False,
    film_cache: FilmCache = None,
    preset: Annotated[str, typer.Option("--preset", "-p", help="tiny, small, paper, or a YAML file.")] = "tiny",
    step: Annotated[
        list[str] | None, typer.Option("--step", help="1, 2, 3, 4 or all; may be repeated.", show_default="all")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the trained model.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 0,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most that many training studies.")] = None,
) -> None:
    """Train a model; a killed run goes on from its last epoch by the same command.

    Example: rrgbench train --model dcrrg --corpus phantom --preset tiny --step all --out checkpoints/mine
    """
    from rrgbench.cli.progress import bars
    from rrgbench.registry import load_trainer

    trainer = load_trainer(model)
    steps = chosen_steps(step or ["all"])
    place = out or Path("checkpoints") / f"{model}-{preset}-{corpus}"
    data = open_corpus(corpus, root, reports, reports_root, option, skip_bad_images)
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
        )
    typer.echo(f"Trained model in {place}; try: rrgbench eval --model {model} --checkpoint {place}", err=True)


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
