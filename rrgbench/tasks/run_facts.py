"""What a run knows of itself, in `run.json`: which models, what they learned from, on what they are evaluated."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError, listed
from rrgbench.models import Model, checkpoint_name, training_corpus, training_folder
from rrgbench.runs.environment import environment_of
from rrgbench.runs.store import RunFolder
from rrgbench.tasks.job import Job, identity_on


def run_name(asked: Sequence[Model], suite: str, corpus: str) -> str:
    """A run's folder where none is given: `dcrrg-6d-full-phantom`; of several models, how many more than the first."""
    first = asked[0]
    name = first.name if "=" in first.name else "-".join(filter(None, [first.name, checkpoint_name(first)]))
    more = f"+{len(asked) - 1}" if len(asked) > 1 else ""
    return re.sub(r"[^\w.+&-]+", "-", f"{name}{more}-{suite}-{corpus}")


def details(job: Job, protocol: str) -> dict[str, Any]:
    """What is evaluated on what."""
    return {
        "suite": job.suite.name,
        "corpus": job.corpus.identity,
        "model": identity_on(job.asked[0], job.corpus),
        "protocol": protocol,
    }


def facts(job: Job) -> dict[str, Any]:
    """Models, whether the corpus is synthetic, and what readers must be warned of."""
    warnings = [words for model in job.asked if (words := learned_elsewhere(model, job.corpus))]
    # files of several systems leave out the same studies of each
    warnings += dict.fromkeys(words for model in job.asked for words in getattr(model, "left_out", ()))
    return {
        "models": [_model(model, job) for model in job.asked],
        "synthetic": job.corpus.synthetic,
        "warnings": warnings,
    }


def check_same_models(folder: RunFolder, models: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a folder that holds a run of another model of the same name, or of other models alone.

    Raises
    ------
    InputError
        Naming both.
    """
    kept = environment_of(folder.path).get("models")
    earlier = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
    names = [str(one.get("name")) for one in earlier]
    if names and not {model["name"] for model in models} & set(names):
        raise InputError(
            f"{folder.path} holds a run of {listed(names)}, whose results would be replaced by those of "
            f"{listed(model['name'] for model in models)}; give another --out, or remove the folder"
        )
    for one in earlier:
        for model in models:
            if one.get("name") == model["name"] and one.get("identity") != model["identity"]:
                raise InputError(
                    f"{folder.path} holds a run of {one.get('identity')}, and {model['name']} is {model['identity']} "
                    "now: another checkpoint, configuration or file; give another --out, or remove the folder"
                )


def _model(model: Model, job: Job) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": model.name,
        "identity": identity_on(model, job.corpus),
        "checkpoint": checkpoint_name(model),
        "trained_on": training_corpus(model),
        "device": str(getattr(model, "device", "") or ""),
        "training": _training(training_folder(model)),
    }
    return {key: value for key, value in given.items() if value}


def _training(folder: Path | None) -> dict[str, Any]:
    """What the model cost to train, and its learning curves; empty where its folder doesn't say."""
    from rrgbench.training.budget import read_budget, read_curves

    budget = None if folder is None else read_budget(folder)
    if folder is None or budget is None:
        return {}
    return {"budget": asdict(budget), "curves": read_curves(folder)}


def learned_elsewhere(model: Model, corpus: Corpus) -> str:
    """A warning if a model did not learn from what it is evaluated on; empty if it did, or that is not known.

    A corpus of one's own files goes by the name that it was given, all others by those that they are registered under.
    """
    learned = training_corpus(model)
    if not learned or set(learned.partition("@")[0].split("+")) & {*corpus.names, *corpus.name.split("+")}:
        return ""
    checkpoint = f" (checkpoint {checkpoint_name(model)})" if checkpoint_name(model) else ""
    return (
        f"{model.name}{checkpoint} was trained on {learned}, not on {corpus.name}: its numbers here don't show what it "
        "reaches where it has learned"
    )
