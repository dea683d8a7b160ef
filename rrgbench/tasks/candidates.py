"""What films look for in retrieval: reports or sentences, of their own corpus or another, with their own or without."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from rrgbench.data.corpus import Corpus
from rrgbench.data.five_by_200 import FiveBy200, Over, exclusive, sample
from rrgbench.data.loading import load_corpus
from rrgbench.data.splitting import hashed_fraction
from rrgbench.data.study import Study
from rrgbench.labelers import StandardLabeler
from rrgbench.labelers.sentences import sentence_spans

Texts = Literal["reports", "sentences"]

_REPORTS_AT_A_TIME = 500


class OtherCorpus(BaseModel):
    """A corpus whose texts are retrieved instead of those of the films' own.

    Attributes
    ----------
    corpus : str
        Its registered name.
    root : Path, optional
        Its folder; a relative one is taken from the suite's own folder. Not part of a unit's digest: what it holds is.
    options : mapping
        Of its reader.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    corpus: str
    root: Path | None = Field(default=None, exclude=True)
    options: Mapping[str, Any] = {}

    @field_validator("root")
    @classmethod
    def _from_the_suite(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        return None if given is None else Path((info.context or {}).get("folder", ".")) / given

    def load(self) -> Corpus:
        """The corpus; errors as `rrgbench.load_corpus`."""
        return _loaded(self.corpus, self.root, tuple(sorted(self.options.items())))


@lru_cache(maxsize=2)
def _loaded(name: str, root: Path | None, options: tuple[tuple[str, Any], ...]) -> Corpus:
    return load_corpus(name, root, **dict(options))


def sentence_sample(studies: Sequence[Study], per_class: int, seed: int, over: Over) -> FiveBy200:
    """A 5x200 sample of distinct sentences of reports; each is a study without film, labelled by the rules.

    Reports are read in the order of a seeded hash until each class has enough. A sentence is a candidate if it is
    positive for one of the five and neither positive nor uncertain for the others, as a study is.

    Raises
    ------
    InputError
        As `rrgbench.data.five_by_200.sample`.
    """
    found: list[Study] = []
    counts = np.zeros(1)
    for some in _distinct_sentences(studies, seed):
        found += [one for group in exclusive(some, over) for one in group]
        counts = np.array([len(group) for group in exclusive(found, over)])
        if counts.min() >= per_class:
            break
    return sample(found, per_class, seed, over=over)


def _distinct_sentences(studies: Sequence[Study], seed: int) -> Iterator[list[Study]]:
    """Sentences that stand in no earlier report, some reports at a time."""
    rules = StandardLabeler()
    order = sorted(studies, key=lambda study: (hashed_fraction(study.study_id, seed), study.study_id))
    known: set[str] = set()
    for start in range(0, len(order), _REPORTS_AT_A_TIME):
        new: list[tuple[Study, int, str]] = []
        for study in order[start : start + _REPORTS_AT_A_TIME]:
            for number, sentence in enumerate(sentences(study)):
                if sentence not in known:
                    known.add(sentence)
                    new.append((study, number, sentence))
        labels = rules.label([sentence for *_, sentence in new])
        yield [
            Study(
                f"{study.study_id}#{number}",
                study.subject_id,
                study.split,
                report=sentence,
                labels=row,
                labels_source=rules.identity,
            )
            for (study, number, sentence), row in zip(new, labels, strict=True)
        ]


def sentences(study: Study) -> list[str]:
    """The sentences of a study's report."""
    report = study.report or ""
    return [report[start:end] for start, end in sentence_spans(report)]


def own_texts(queries: FiveBy200, candidates: FiveBy200, texts: Texts) -> NDArray[np.bool_]:
    """Which candidates (q, c) are a query's own report, or sentences that stand in it."""
    if texts == "reports":
        ids = np.array([study.study_id for study in candidates.studies])
        return np.array([ids == study.study_id for study in queries.studies])
    told = [study.report for study in candidates.studies]
    own = [set(sentences(study)) for study in queries.studies]
    return np.array([[text in some for text in told] for some in own])
