"""`rules@1`: sentences end at full stops and blank lines, scopes at what the surface of a sentence shows."""

from functools import lru_cache
from typing import Final

from rrgbench.labelers.rules.labeler import MENTIONING, Found, RulesLabeler, found_of
from rrgbench.labelers.rules.lexicon import Edition, Kind, Lexicon, lexicon, normalise
from rrgbench.labelers.rules.statements import Statement
from rrgbench.labelers.rules.version1.anatomy import ANATOMY, state_label
from rrgbench.labelers.rules.version1.scope import neighbourhood, polarity
from rrgbench.labelers.sentences import sentence_spans
from rrgbench.observations import POSITIVE, UNCERTAIN

_PACKAGE: Final = "rrgbench.labelers.rules.version1"


class RulesLabeler1(RulesLabeler):
    """CheXpert labels as `rules@1` gave them; it takes no options."""

    version = "1"

    def __init__(self) -> None:
        super().__init__()

    @property
    def lexicon(self) -> Lexicon:
        """The lexicon of then."""
        return lexicon(_PACKAGE, Edition(1))

    def statements(self, report: str) -> list[Statement]:
        """The sentences of a report, in order."""
        return [Statement(report[start:end], start, end) for start, end in sentence_spans(report)]

    def read(self, statement: str) -> tuple[Found, ...]:
        """The mentions in one sentence."""
        return read_sentence(statement)


@lru_cache(maxsize=200_000)
def read_sentence(sentence: str) -> tuple[Found, ...]:
    """Mentions in one sentence; remembered, since reports repeat most of their sentences."""
    text = normalise(sentence)
    everything = list(lexicon(_PACKAGE, Edition(1)).read(text))
    found: list[Found] = []
    for place, event in enumerate(everything):
        if event.kind not in MENTIONING:
            continue
        events, position = neighbourhood(everything, place)
        label = state_label(text, events, position) if event.kind in ANATOMY else polarity(text, events, position)
        if event.kind is Kind.SUGGESTIVE and label == POSITIVE:
            label = UNCERTAIN
        found += found_of(event, label)
    return tuple(found)
