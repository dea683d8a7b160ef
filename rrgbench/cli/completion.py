"""Names that the shell completes; registries are read only when it asks, and nothing heavy is imported."""

from collections.abc import Iterable


def models(incomplete: str) -> list[str]:
    """Registered models."""
    from rrgbench.models import MODELS

    return _starting([*MODELS.names(), "all"], incomplete)


def trainable(incomplete: str) -> list[str]:
    """Models that can be trained."""
    from rrgbench.training.trainers import TRAINERS

    return _starting([*TRAINERS.names(), "all"], incomplete)


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
    from rrgbench.metrics.catalogue import TEXT_GROUPS, TEXT_METRICS
    from rrgbench.metrics.external.loading import PLUG_INS

    before, comma, last = incomplete.rpartition(",")
    names = _starting([*TEXT_METRICS, *TEXT_GROUPS, *PLUG_INS.names()], last)
    return [f"{before}{comma}{name}" for name in names]


def presets(incomplete: str) -> list[str]:
    """Presets of the models that ship."""
    return _starting(["mini", "ablation", "tiny", "small", "paper"], incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
