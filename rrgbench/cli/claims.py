"""`rrgbench claims`: a paper's claims, tested on trained variants."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.corpora import FilmCorpusOptions, corpus_left_open
from rrgbench.cli.options.grouping import grouped
from rrgbench.cli.options.names import ProtocolName
from rrgbench.cli.options.printing import Json


@grouped
def claims(
    context: typer.Context,
    runs: Annotated[Path, typer.Option("--runs", help="Folder of a named set that rrgbench train has trained.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="The model whose variants they are.", autocompletion=completion.claims)
    ] = "dcrrg",
    suite: Annotated[
        str,
        typer.Option(
            "--suite",
            "-s",
            help="What is measured of each model; or a YAML file.",
            autocompletion=completion.suites,
        ),
    ] = "claims",
    *,
    films: FilmCorpusOptions,
    protocol: ProtocolName = "dcrrg",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 0,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say how many seeds and studies each test needs, instead of verdicts.")
    ] = False,
    difference: Annotated[
        float | None,
        typer.Option("--difference", min=1e-6, help="What a plan is to show; the paper's difference if omitted."),
    ] = None,
    json: Json = False,
) -> None:
    """Say of each claim of a model's paper whether trained variants bear it out, beside the paper's figures.

    A claim holds, is contradicted, or is not resolved: then "shown" says how large a difference this design would
    have shown. Without --corpus the models are measured on the corpus that they learned from; those that are not
    measured yet are evaluated first, and a killed command resumes. Writes claims.json, claims.md and claims.tex into
    the folder of the set. A test needs three seeds; what lacks them is "not measured". Verdicts don't change the exit
    code.

    Example: rrgbench claims --runs ablations

    Example: rrgbench claims --runs ablations --plan --difference 0.02
    """
    from rrgbench.claims.claim import load_claims
    from rrgbench.claims.measurement import Setting, learned_from
    from rrgbench.claims.outcome import judge_set
    from rrgbench.claims.plan import plan_json, plan_table
    from rrgbench.cli.progress import bars, say
    from rrgbench.errors import InputError
    from rrgbench.render.terminal import output_console, print_table
    from rrgbench.scoring.protocols import load_protocol
    from rrgbench.tasks.suite import load_suite

    if difference is not None and not plan:
        raise InputError("--difference says what a plan is to show; give --plan too")
    chosen = load_suite(suite)
    load_protocol(protocol)
    claim_set = load_claims(model)
    data = (replace(films, corpus=learned_from(runs)) if corpus_left_open(context) else films).open()
    setting = {"protocol": protocol, "seed": seed, "film_cache": films.film_cache}
    with bars(f"claims of {model} on {data.name}") as shown:
        outcome = judge_set(claim_set, model, runs, Setting(data, chosen, setting, shown.part), shown.overall)
    if plan and json:
        typer.echo(plan_json(outcome.document.judgements, difference), nl=False)
        return
    if plan:
        print_table(plan_table(outcome.document.judgements, difference), output_console())
        return
    files = outcome.write(runs)
    if json:
        typer.echo(outcome.to_json(), nl=False)
        return
    outcome.document.print_to(output_console())
    say(f"Written: {', '.join(str(path) for path in files)}")
