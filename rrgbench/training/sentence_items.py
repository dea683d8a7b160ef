"""Training texts finer than a report: its sentences."""

from rrgbench.labelers.sentences import sentence_spans
from rrgbench.training.data import FilmSource, ReportSource
from rrgbench.training.items import Batch, PairItems

_SENTENCE = 1
"""Tells the draw of an item's sentence from that of its film's augmentation."""


def sentences_of(report: str) -> list[str]:
    """A report's sentences; the report itself where none is found."""
    return [report[start:end] for start, end in sentence_spans(report)] or [report]


class FilmAndSentence(PairItems):
    """A film beside one sentence of its report, drawn uniformly for each item and epoch.

    Items are those of `PairItems`; `text_labels` stay those of the whole report.
    """

    def __init__(self, films: FilmSource, reports: ReportSource, paired: bool, augment: bool, seed: int) -> None:
        self.sentences = [sentences_of(report) for report in reports.reports]
        super().__init__(films, reports, paired, augment, seed)

    def __getitem__(self, index: int) -> Batch:
        choices = self.sentences[int(self.partner[index])]
        drawn = int(self.rng(index, _SENTENCE).integers(len(choices)))
        return {**super().__getitem__(index), "report": choices[drawn]}
