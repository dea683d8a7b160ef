"""`rrgbench claims`: a paper's claims, tested on trained variants."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.option_groups import FilmCorpusOptions, Json, ProtocolName, grouped


@grouped
def claims(
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
    json: Json = False,
) -> None:
    """Say of each claim of a model's paper whether it holds on trained variants, beside the paper's figures.

    Models that are not measured yet are evaluated first; a killed command resumes. Writes claims.json,
    claims.md and claims.tex into the folder of the set. A claim needs three seeds; what lacks them is "not measured".

    Example: rrgbench claims --runs ablations
    """
    from rrgbench.claims.claim import load_claims
    from rrgbench.claims.measurement import Setting
    from rrgbench.claims.outcome import judge_set
    from rrgbench.cli.progress import bars, say
    from rrgbench.render.terminal import output_console
    from rrgbench.scoring.protocols import load_protocol
    from rrgbench.tasks.suite import load_suite

    chosen = load_suite(suite)
    load_protocol(protocol)
    claim_set = load_claims(model)
    data = films.open()
    setting = {"protocol": protocol, "seed": seed, "film_cache": films.film_cache}
    with bars(f"claims of {model} on {data.name}") as shown:
        outcome = judge_set(claim_set, model, runs, Setting(data, chosen, setting, shown.part), shown.overall)
    files = outcome.write(runs)
    if json:
        typer.echo(outcome.to_json(), nl=False)
        return
    outcome.document.print_to(output_console())
    say(f"Written: {', '.join(str(path) for path in files)}")
