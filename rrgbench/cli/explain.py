"""`rrgbench explain`: what a model makes of one study."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrgbench.cli.corpus_options import (
    CorpusName,
    Options,
    Reports,
    ReportsRoot,
    Root,
    SkipBadImages,
    open_corpus,
)

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus
    from rrgbench.data.study import Study


def explain(
    model: Annotated[str, typer.Option("--model", "-m", help="A model (rrgbench list models).")] = "dcrrg",
    study: Annotated[
        str | None, typer.Option("--study", help="Id of a study; the first of the test split if omitted.")
    ] = None,
    corpus: CorpusName = "phantom",
    root: Root = None,
    reports: Reports = None,
    reports_root: ReportsRoot = None,
    option: Options = None,
    skip_bad_images: SkipBadImages = False,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", help="A trained folder or hub id; the shipped one if omitted.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with the film to this file.")] = None,
    size: Annotated[
        int, typer.Option("--size", min=32, max=2048, help="Side of the film on the page in pixels.")
    ] = 512,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show one study as a model reads it: the paper's Table 7 and Figure 3.

    Prints the reference and the generated report with their key words marked, and for each observation its label, the
    classifier's probability, what the generated report says, and its description. What the model does not offer is
    left out.

    Example: rrgbench explain --model dcrrg --study phantom-0-2000004 --html study.html
    """
    from rrgbench.errors import InputError
    from rrgbench.explain.explanation import explain_study
    from rrgbench.explain.page import Heading, explanation_page, print_explanation
    from rrgbench.models import MODELS, FittedToCorpus, load_model, reads_of
    from rrgbench.registry import lookup
    from rrgbench.render.terminal import output_console

    lookup("model", model, MODELS.names())
    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise InputError(f"--html {html} can't be written: give a file in a folder that exists")
    data = open_corpus(corpus, root, reports, reports_root, option, skip_bad_images)
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
    heading = Heading(chosen.study_id, facts, " · ".join(filter(None, (seen, data.license_note))))
    if html is not None:
        page = explanation_page(found, heading, chosen.images[0].load(size))
        html.write_text(page, encoding="utf-8")
    if json_output:
        place = {"study_id": chosen.study_id, "corpus": data.identity, "split": chosen.split}
        print(json.dumps({**place, **found.to_json()}, indent=1))
    else:
        print_explanation(found, heading, output_console())
    if html is not None:
        typer.echo(f"written to {html}", err=True)


def find_study(corpus: "Corpus", study_id: str | None) -> "Study":
    """The study of an id, whatever its split; the first of the test split (of the first split there is) without one.

    Raises
    ------
    InputError
        If there is no such study: with the nearest ids of the test split.
    """
    from difflib import get_close_matches

    from rrgbench.errors import InputError, listed

    if not corpus.splits:
        raise InputError(f"corpus {corpus.name} has no studies to explain")
    usual = "test" if "test" in corpus.splits else corpus.splits[0]
    if study_id is None:
        return corpus.split(usual)[0]
    found = next((study for study in corpus.studies if study.study_id == study_id), None)
    if found is not None:
        return found
    ids = [study.study_id for study in corpus.split(usual)]
    near = get_close_matches(study_id, ids, n=3) or ids[:3]
    raise InputError(
        f"corpus {corpus.name} has no study {study_id!r}; the {usual} split has for instance {listed(near)}"
    )
