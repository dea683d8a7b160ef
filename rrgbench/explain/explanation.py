"""What a model makes of one study, beside what is known of it: the paper's Table 7 and Figure 3 for one study.

Works for any model: parts that it does not offer (`rrgbench.registry`) are None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from typing import Any, Final

from rrgbench.answer_numbers import table_of
from rrgbench.data.corpus import Corpus
from rrgbench.data.study import LabelVector, Study
from rrgbench.errors import InputError
from rrgbench.findings.marked import FindingsView, findings_view
from rrgbench.labelers.rules import StandardLabeler
from rrgbench.models import Describer, Images, Model, ObservationClassifier, ReportGenerator, image_batches
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED

LABEL_WORDS: Final[Mapping[int, str]] = {
    POSITIVE: "positive",
    NEGATIVE: "negative",
    UNCERTAIN: "uncertain",
    UNMENTIONED: "unmentioned",
}
"""CheXpert's coding in words."""


@dataclass(frozen=True)
class KeyWords:
    """The words of a report that mention one observation.

    Attributes
    ----------
    observation : str
        One of `rrgbench.observations.OBSERVATIONS`.
    label : int
        1 positive, 0 negated, -1 uncertain.
    start, end : int
        Half-open range of characters in the report.
    """

    observation: str
    label: int
    start: int
    end: int


@dataclass(frozen=True)
class MarkedReport:
    """A report and the key words in it.

    Attributes
    ----------
    text : str
        The report as it stands.
    key_words : tuple of KeyWords
        In order of appearance; two may share words ("cardiomediastinal silhouette" speaks of two observations).
    labels : tuple of int
        What the report says of each of the 14 observations, in CheXpert coding.
    """

    text: str
    key_words: tuple[KeyWords, ...]
    labels: tuple[int, ...]

    def pieces(self) -> list[tuple[str, tuple[KeyWords, ...]]]:
        """The text cut into runs of characters, each with the key words that cover it; joined they give the text."""
        ends = (end for words in self.key_words for end in (words.start, words.end))
        cuts = sorted({0, len(self.text), *ends})
        return [
            (self.text[start:end], tuple(w for w in self.key_words if w.start <= start and end <= w.end))
            for start, end in pairwise(cuts)
        ]


@dataclass(frozen=True)
class ObservationView:
    """One row of the paper's Table 7.

    Attributes
    ----------
    observation : str
        One of the 14.
    label : int or None
        What is known, in CheXpert coding; None where nobody labelled it.
    probability : float or None
        What the model's classifier believes, 0 to 1; None if it has none.
    written : int or None
        What the generated report says, in CheXpert coding; None without a report.
    description : str or None
        What the model writes of this observation alone, empty where it finds it not mentioned; None if it writes none.
    """

    observation: str
    label: int | None
    probability: float | None
    written: int | None
    description: str | None


@dataclass(frozen=True)
class Explanation:
    """A film as a model reads it.

    Attributes
    ----------
    model : str
        Identity of the model.
    report : MarkedReport or None
        The generated report; None if the model writes none.
    reference : MarkedReport or None
        The report of the study; None if there is none.
    labels_source : str
        Who made the labels; empty if there are none.
    observations : tuple of ObservationView
        The 14, in house order.
    findings : FindingsView or None
        Both reports' findings and what they disagree about; None if there is only one report.
    """

    model: str
    report: MarkedReport | None
    reference: MarkedReport | None
    labels_source: str
    observations: tuple[ObservationView, ...]
    findings: FindingsView | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; labels as words, None where unknown or not offered."""
        return {
            "model": self.model,
            "labels_source": self.labels_source,
            "reference": _report_json(self.reference),
            "report": _report_json(self.report),
            "observations": [
                {
                    "observation": row.observation,
                    "label": None if row.label is None else LABEL_WORDS[row.label],
                    # NaN is not predicted
                    "probability": None if row.probability is None or isnan(row.probability) else row.probability,
                    "written": None if row.written is None else LABEL_WORDS[row.written],
                    "description": row.description,
                }
                for row in self.observations
            ],
            "findings": None if self.findings is None else self.findings.to_json(),
        }


def mark(report: str) -> MarkedReport:
    """Find the key words of a report by the rules labeler (the paper's Figure 3 prints them bold)."""
    labeler = StandardLabeler()
    found = tuple(
        KeyWords(OBSERVATIONS[mention.observation], mention.label, mention.start, mention.end)
        for mention in labeler.mentions(report)
    )
    return MarkedReport(report, found, tuple(labeler.label([report])[0].tolist()))


def explain_images(
    model: object,
    images: Images,
    *,
    name: str,
    reference: str | None = None,
    labels: Sequence[int | None] | LabelVector | None = None,
    labels_source: str = "",
) -> Explanation:
    """Ask a model everything that it offers about one study.

    Parameters
    ----------
    model : object
        Implements any of `ReportGenerator`, `ObservationClassifier` and `Describer`.
    images : uint8 array (1, s, s) or list of one Examination
        What the model reads of the study.
    name : str
        How the model is called in the result.
    reference : str, optional
        The study's own report.
    labels : sequence of 14 ints or None, optional
        CheXpert coding, None where unknown; read from the reference by the rules if omitted.
    labels_source : str
        Who made the labels.

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        If there are not 14 labels, or one is outside of the coding.
    """
    marked = None if reference is None or not reference.strip() else mark(reference)
    if labels is None and marked is not None:
        labels, labels_source = marked.labels, f"report ({StandardLabeler().identity})"
    known = [None] * len(OBSERVATIONS) if labels is None else [None if v is None else int(v) for v in labels]
    if len(known) != len(OBSERVATIONS) or any(v is not None and v not in LABEL_WORDS for v in known):
        raise InputError(f"an explanation takes {len(OBSERVATIONS)} labels of 1, 0, -1, -2 or None; given: {known}")
    report = mark(model.generate_reports(images)[0]) if isinstance(model, ReportGenerator) else None
    probabilities: list[float | None] = [None] * len(OBSERVATIONS)
    if isinstance(model, ObservationClassifier):
        given = table_of(
            f"what {name} answers (predict_observations)",
            model.predict_observations(images),
            1,
            len(OBSERVATIONS),
            "study",
        )
        probabilities = given[0].tolist()
    rows = tuple(
        ObservationView(
            observation,
            known[column],
            probabilities[column],
            None if report is None else report.labels[column],
            model.describe(images, observation)[0] if isinstance(model, Describer) else None,
        )
        for column, observation in enumerate(OBSERVATIONS)
    )
    findings = None if report is None or marked is None else findings_view(marked.text, report.text)
    return Explanation(name, report, marked, labels_source if labels is not None else "", rows, findings)


def find_study(corpus: Corpus, study_id: str | None) -> Study:
    """The study of an id, whatever its split; the first of the test split (of the first split there is) without one.

    Raises
    ------
    UnknownNameError
        If there is no such study: with the nearest ids of the test split.
    InputError
        If the corpus has no studies.
    """
    if not corpus.splits:
        raise InputError(f"corpus {corpus.name} has no studies to explain")
    if study_id is None:
        return corpus.split("test" if "test" in corpus.splits else corpus.splits[0])[0]
    return corpus[study_id]


def explain_study(model: Model, study: Study, labelled_observations: Sequence[str] = OBSERVATIONS) -> Explanation:
    """Explain a study, as the model reads it, beside its own report and labels.

    Parameters
    ----------
    model : Model
        See `rrgbench.load_model`.
    study : Study
        With a film.
    labelled_observations : sequence of str
        Those that the study's labels speak of (`Corpus.labelled_observations`); the others are unknown.

    Raises
    ------
    InputError
        If the study has no film, or its film can't be read.
    """
    (images,) = image_batches(model, [study])
    labels = None
    if study.labels is not None:
        pairs = zip(OBSERVATIONS, study.labels.tolist(), strict=True)
        labels = [label if name in labelled_observations else None for name, label in pairs]
    return explain_images(
        model, images, name=model.identity, reference=study.report, labels=labels, labels_source=study.labels_source
    )


def _report_json(report: MarkedReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    key_words = [
        {
            "observation": words.observation,
            "label": LABEL_WORDS[words.label],
            "start": words.start,
            "end": words.end,
            "text": report.text[words.start : words.end],
        }
        for words in report.key_words
    ]
    return {"text": report.text, "key_words": key_words}
