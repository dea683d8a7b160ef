"""`rrgbench train`: train a model on a corpus."""

from dataclasses import replace
from pathlib import Path
from shlex import join
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.corpora import FilmCorpusOptions, corpus_left_open, other_corpus
from rrgbench.cli.options.grouping import grouped, listed_option
from rrgbench.cli.options.key_values import key_values

ALL = "all"

CLAIMS_CORPUS = "phantom-hard"
"""What a set of variants learns from where no corpus is named: on the phantom itself labels, films and reports are one
truth, which favours a model that labels supervise, so that its claims are judged on the harder one."""

MOST_SEED = 2**32 - 1
"""NumPy's generators take none that is larger."""


@grouped
def train(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="A trainable model, or all.", autocompletion=completion.trainable),
    ] = "dcrrg",
    *,
    films: FilmCorpusOptions,
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            "-p",
            help="mini, tiny, small, paper, equal (dcrrg also: ablation, reference, decisions, real, tiny-0.1) or a "
            "YAML file.",
            autocompletion=completion.presets,
        ),
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
    seed: Annotated[int, typer.Option("--seed", min=0, max=MOST_SEED, help="Seed of everything random.")] = 0,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most that many training studies.")] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option("--variant", help="A variant of the model (dcrrg: 1-7, 6a-6d); may be repeated for a named set."),
    ] = None,
    variants: Annotated[
        str | None,
        typer.Option(
            "--variants", help="A set of variants: table4, table5 or all; of phantom-hard if --corpus is left out."
        ),
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
            autocompletion=completion.corpora,
        ),
    ] = None,
    extra_root: Annotated[Path | None, typer.Option("--extra-root", help="Folder of the --extra-corpus.")] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="What image encoders start from: scratch, imagenet, or the folder of a trained model (its encoder).",
            show_default="the preset's",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        listed_option("--set", "Another option of the model's own trainer as KEY=VALUE; may be repeated."),
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
    common is trained once, below OUT/stages. A set of variants learns from phantom-hard, for rrgbench claims, unless
    --corpus says else.

    Example: rrgbench train --model dcrrg --corpus phantom --preset tiny --step all --out checkpoints/mine

    Example: rrgbench train --model all --preset mini --out checkpoints/all

    Example: rrgbench train --variants all --seeds 0,1,2 --preset ablation --out ablations
    """
    from rrgbench.cli.progress import bars, say
    from rrgbench.errors import InputError
    from rrgbench.training.settings import StageOptions
    from rrgbench.training.trainers import Request, load_trainer, trainer_names

    own = key_values(setting, "--set")
    own |= {"step": step} if step else {}
    chosen = [*(variant or []), *([variants] if variants else [])]
    own |= {"variant": chosen} if chosen else {}
    if seeds is not None and seed:
        raise InputError(f"--seed {seed} and --seeds {seeds} exclude each other; --seeds names them all")
    apart = variants is not None or seeds is not None or len(chosen) > 1
    if (variants is not None or len(chosen) > 1) and corpus_left_open(context):
        films = replace(films, corpus=CLAIMS_CORPUS)
    extra = other_corpus("--extra-corpus", extra_corpus, "--extra-root", extra_root)
    own |= {"extra_corpus": extra.open()} if extra is not None else {}
    if model == ALL and own:
        raise InputError(
            "--model all takes no --step, --variant, --extra-corpus or --set: those belong to single models"
        )
    trainers = {name: load_trainer(name) for name in (trainer_names() if model == ALL else [model])}
    suffix = ["variants"] if apart else []
    place = out or Path("checkpoints") / "-".join(
        [model, *([] if apart else chosen), Path(preset).stem, films.corpus, *suffix]
    )
    request = Request(
        films.open(),
        place,
        preset,
        seeds=[seed] if seeds is None else parsed_seeds(seeds),
        apart=apart,
        limit=limit,
        film_cache=films.film_cache,
        encoder=encoder,
        stages=StageOptions(accumulate=accumulate, patience=patience, bf16=bf16, workers=workers),
    )
    done: list[Path] = []
    for name, trainer in trainers.items():
        with bars(f"training {name} on {request.corpus.name}") as shown:
            asked = replace(request, out=place / name if model == ALL else place, progress=shown.part)
            try:
                done += trainer(asked, **own)
            except InputError as error:
                if model != ALL:
                    raise
                # a corpus without pairs, say, is not every system's fault
                say(f"left out: {name}: {error}")
    if model == ALL and not done:
        raise InputError(f"no system was trained on {request.corpus.name}: each was left out, for the reason beside it")
    trained = f"{len(done)} trained models in {place}" if len(done) > 1 else f"Trained model in {place}"
    one = done[0] if done and model != ALL else place
    further = (
        ["claims", "--runs", str(place)] if chosen and apart else ["eval", "--model", model, "--checkpoint", str(one)]
    )
    say(f"{trained}; try: rrgbench {join([*further, *films.words()])}")


def parsed_seeds(text: str) -> list[int]:
    """Seeds from `0,1,2`, each once.

    Raises
    ------
    InputError
        If the text is not such a list.
    """
    from rrgbench.errors import InputError

    parts = text.split(",")
    if not all(part.strip().isdecimal() and len(part) < 12 and int(part) <= MOST_SEED for part in parts):
        raise InputError(f"--seeds expects whole numbers from 0 to {MOST_SEED}, such as 0,1,2; given: {text!r:.100}")
    return list(dict.fromkeys(int(part) for part in parts))
