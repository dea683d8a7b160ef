"""Names that the shell completes; registries are read only when it asks, and nothing heavy is imported."""

from collections.abc import Iterable

import typer


def models(incomplete: str) -> list[str]:
    """Registered models."""
    from rrgbench.models import MODELS

    return _starting(MODELS.names(), incomplete)


def models_or_all(incomplete: str) -> list[str]:
    """Registered models, or all of them."""
    return [*models(incomplete), *_starting(["all"], incomplete)]


def trainable(incomplete: str) -> list[str]:
    """Models that can be trained, or all of them."""
    from rrgbench.training.trainers import trainer_names

    return _starting([*trainer_names(), "all"], incomplete)


def claims(incomplete: str) -> list[str]:
    """Models whose papers' claims are registered."""
    from rrgbench.claims.claim import CLAIM_SETS

    return _starting(CLAIM_SETS.names(), incomplete)


def corpora(incomplete: str) -> list[str]:
    """Registered corpora."""
    from rrgbench.data.loading import CORPORA

    return _starting(CORPORA.names(), incomplete)


def suites(incomplete: str) -> list[str]:
    """Suites that ship."""
    from rrgbench.tasks.suite import suite_names

    return _starting(suite_names(), incomplete)


def protocols(incomplete: str) -> list[str]:
    """Protocols."""
    from rrgbench.scoring.protocols import protocol_names

    return _starting(protocol_names(), incomplete)


def labelers(incomplete: str) -> list[str]:
    """Registered labelers."""
    from rrgbench.labelers import LABELERS

    return _starting(LABELERS.names(), incomplete)


def metrics(incomplete: str) -> list[str]:
    """Metrics and their groups; the last of a comma-separated list is completed."""
    from rrgbench.metrics.catalogue import OWN_METRICS, TEXT_GROUPS
    from rrgbench.metrics.external.loading import PLUG_INS

    before, comma, last = incomplete.rpartition(",")
    names = _starting([*OWN_METRICS, *TEXT_GROUPS, *PLUG_INS.names()], last)
    return [f"{before}{comma}{name}" for name in names]


def presets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Presets of the model that the command line names already, of all of them otherwise."""
    from rrgbench.training.trainers import TRAINERS, presets_of, trainer_names

    given = str(ctx.params.get("model"))
    chosen = [given] if given in TRAINERS else trainer_names()
    return _starting(sorted({preset for model in chosen for preset in presets_of(model)}), incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
