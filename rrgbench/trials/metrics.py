"""Which metrics a trial runs: all of our own, and the plug-ins that are there."""

from rrgbench.errors import MissingPartError
from rrgbench.metrics.catalogue import TEXT_GROUPS, TEXT_METRICS
from rrgbench.metrics.external.loading import load_metric, plug_in_metrics
from rrgbench.metrics.external.plug_in import ExternalMetric


def every_metric() -> tuple[list[str | ExternalMetric], dict[str, str]]:
    """All metrics that can be run, loaded, and why the others can't; judges are run only where they are named."""
    found: list[str | ExternalMetric] = [*TEXT_METRICS, *TEXT_GROUPS["findings"]]
    absent = {}
    for name, plug_in in plug_in_metrics().items():
        if plug_in.judge:
            absent[name] = "a language model judges; name it to run it"
            continue
        try:
            found.append(load_metric(name))
        except MissingPartError as error:
            absent[name] = str(error)
    return found, absent
