"""`rrgbench claims`: a paper's claims, tested on trained variants."""

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


def claims(
    runs: Annotated[Path, typer.Option("--runs", help="Folder of a named set that rrgbench train has trained.")],
    model: Annotated[str, typer.Option("--model", "-m", help="The model whose variants they are.")] = "dcrrg",
    suite: Annotated[
        str, typer.Option("--suite", "-s", help="What is measured of each model; or a YAML file.")
    ] = "claims",
    corpus: CorpusName = "phantom",
    root: Root = None,
    reports: Reports = None,
    reports_root: ReportsRoot = None,
    option: Options = None,
    skip_bad_images: SkipBadImages = False,
    film_cache: FilmCache = None,
    protocol: Annotated[str, typer.Option("--protocol", help="Text and clinical-efficacy protocol.")] = "dcrrg",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the bootstrap.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON instead of tables.")] = False,
) -> None:
    """Say of each claim of a model's paper whether it holds on trained variants, beside the paper's figures.

    Models that are not measured yet are evaluated first; a killed command goes on from there. Writes claims.json,
    claims.md and claims.tex into the folder of the set. A claim needs three seeds; what lacks them is "not measured".

    Example: rrgbench claims --runs ablations
    """
    from rrgbench.claims.claim import load_claims
    from rrgbench.claims.outcome import judge_set
    from rrgbench.cli.progress import bars
    from rrgbench.render.terminal import output_console
    from rrgbench.scoring.protocols import load_protocol
    from rrgbench.tasks.suite import load_suite

    chosen = load_suite(suite)
    load_protocol(protocol)
    claim_set = load_claims(model)
    data = open_corpus(corpus, root, reports, reports_root, option, skip_bad_images)
    with bars(f"claims of {model} on {data.name}") as shown:

        def progress(what: str, done: int, total: int) -> None:
            # a negative total marks the steps of a whole job
            if total >= 0:
                shown.part(what, done, total)

        outcome = judge_set(
            claim_set,
            model,
            runs,
            data,
            chosen,
            protocol=protocol,
            seed=seed,
            progress=progress,
            overall=shown.overall,
            film_cache=film_cache,
        )
    files = outcome.write(runs)
    if json_output:
        print(outcome.to_json(), end="")
        return
    outcome.document.print_to(output_console())
    typer.echo(f"\nWritten: {', '.join(str(path) for path in files)}", err=True)
