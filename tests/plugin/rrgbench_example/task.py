"""A task: how long the generated reports are, at least and on average."""

import numpy as np

from rrgbench.render.record_tables import TableDescription
from rrgbench.stats.bootstrap import replicate_values
from rrgbench.tasks.base import Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation


class LengthParameters(TaskParameters):
    """What a suite may set: whether words are counted, or characters."""

    characters: bool = False


class ReportLength(Task):
    """Mean length with an interval, and the shortest report."""

    name = "report_length"
    parameters = LengthParameters
    reads_reports = True
    tables = (TableDescription("Length of reports", ("mean_length", "least_length")),)

    def run(self, evaluation: Evaluation, parameters: LengthParameters, unit: Unit) -> Outcome:
        """Count each report."""
        if evaluation.reports is None:
            return Outcome(evaluation.blank(self.name, ("mean_length", "least_length"), "the model writes no reports"))
        texts = evaluation.reports.values()
        lengths = np.array([len(text) if parameters.characters else len(text.split()) for text in texts], dtype=float)
        n, replicates = len(lengths), evaluation.suite.replicates
        means = replicate_values(lambda drawn: drawn @ lengths[:, None] / n, n, replicates, evaluation.seed)[:, 0]
        low, high = np.quantile(means, (0.025, 0.975))
        signed = {"n": n, "signature": evaluation.signature(n)}
        mean = evaluation.record(self.name, "mean_length", value=lengths.mean(), low=low, high=high, **signed)
        least = evaluation.record(self.name, "least_length", value=lengths.min(), **signed)
        return Outcome([mean, least], {0: means})


TASK = ReportLength()
