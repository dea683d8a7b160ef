"""`rrgbench explain`: what a model makes of one study."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.corpora import CorpusOptions
from rrgbench.cli.options.grouping import grouped
from rrgbench.cli.options.printing import Json


@grouped
def explain(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="A model (rrgbench list models), or FILE.py:CLASS of your own.",
            autocompletion=completion.models,
        ),
    ] = "dcrrg",
    study: Annotated[
        str | None, typer.Option("--study", help="Id of a study; the first of the test split if omitted.")
    ] = None,
    *,
    films: CorpusOptions,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", help="A trained folder or hf:ID; the shipped one if omitted.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with the film to this file.")] = None,
    size: Annotated[
        int, typer.Option("--size", min=32, max=2048, help="Side of the film on the page in pixels.")
    ] = 512,
    json: Json = False,
) -> None:
    """Show one study as a model reads it: the paper's Table 7 and Figure 3.

    Prints the reference and the generated report with their key words marked, and for each observation its label, the
    classifier's probability, what the generated report says, and its description. What the model does not offer is
    left out.

    Example: rrgbench explain --model dcrrg --study phantom-0-2000004 --html study.html
    """
    from rrgbench.cli.progress import say
    from rrgbench.errors import InputError
    from rrgbench.explain.explanation import explain_study, find_study
    from rrgbench.explain.page import Heading, explanation_page, print_explanation
    from rrgbench.files import check_writable
    from rrgbench.models import MODELS, FittedToCorpus, load_model, reads_of
    from rrgbench.render.json import json_text
    from rrgbench.render.terminal import output_console
    from rrgbench.tasks.run_facts import learned_elsewhere

    MODELS.check(model)
    if html is not None:
        check_writable(html)
    data = films.open()
    chosen = find_study(data, study)
    if not chosen.images:
        raise InputError(f"study {chosen.study_id} of corpus {data.name} has no film to explain")
    loaded = load_model(model, checkpoint)
    if isinstance(loaded, FittedToCorpus):
        loaded.fit(data)
    found = explain_study(loaded, chosen, data.labelled_observations)
    view, read = chosen.images[0].view, reads_of(loaded).size
    facts = (data.identity, f"{chosen.split} split", *([f"view {view}"] if view else []), found.model)
    seen = f"the model reads it at {read} × {read} pixels"
    warning = learned_elsewhere(loaded, data)
    heading = Heading(chosen.study_id, facts, " · ".join(filter(None, (seen, data.license_note))), warning)
    if html is not None:
        page = explanation_page(found, heading, chosen.images[0].load(size))
        html.write_text(page, encoding="utf-8")
    if json:
        place = {"study_id": chosen.study_id, "corpus": data.identity, "split": chosen.split}
        typer.echo(json_text({**place, **({"warning": warning} if warning else {}), **found.to_json()}))
    else:
        print_explanation(found, heading, output_console())
    if html is not None:
        say(f"Written: {html}")
