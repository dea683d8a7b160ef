"""One finding of a report, with what the report says of it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["finding", "device", "structure"]
Change = Literal["new", "worse", "better", "same", ""]


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding, a device, or a structure that is called normal.

    Attributes
    ----------
    name : str
        As in the lexicon: `pleural effusion`, `endotracheal tube`, `lungs`.
    kind : {"finding", "device", "structure"}
        A structure is mentioned only for being normal or as it was.
    present : bool
        Polarity; False for denied findings and normal structures.
    certain : bool
        Whether it is said without doubt.
    inferred : bool
        Whether it only names the cause of another finding ("opacity, compatible with pneumonia").
    sides : frozenset of {"left", "right"}
        Both for bilateral; empty where none is said.
    zones : frozenset of str
        Zones of the lung, or bones: `lower`, `rib`, `thoracic spine`.
    severity : float or None
        0.5 minimal, 1 mild or small, 2 moderate, 3 severe or large.
    change : {"new", "worse", "better", "same", ""}
        Against an earlier film; empty where nothing is said.
    patterns : frozenset of str
        Its look: `patchy`, `linear`, `displaced`.
    millimetres : float or None
        The first measurement: size of a finding, distance of a device's tip.
    access : frozenset of str
        Where a line enters: `jugular`, `subclavian`.
    tips : frozenset of str
        Where a device's tip lies: `above carina`, `superior vena cava`.
    placed : {"well", "badly", ""}
        What is said of a device's position as a whole.
    start, end : int
        Half-open range of the naming words in the report.
    """

    name: str
    kind: Kind = "finding"
    present: bool = True
    certain: bool = True
    inferred: bool = False
    sides: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    severity: float | None = None
    change: Change = ""
    patterns: frozenset[str] = frozenset()
    millimetres: float | None = None
    access: frozenset[str] = frozenset()
    tips: frozenset[str] = frozenset()
    placed: Literal["well", "badly", ""] = ""
    start: int = 0
    end: int = 0

    @property
    def words(self) -> str:
        """The finding as a person would say it.

        Examples
        --------
        >>> Finding("pleural effusion", sides=frozenset({"left"}), severity=1.0, certain=False).words
        'possible mild left pleural effusion'
        """
        if self.kind == "structure":
            return f"{'normal' if self.certain else 'unchanged'} {self.name}"
        if not self.present:
            return " ".join(filter(None, ("no", side_words(self.sides), self.name)))
        size = "" if self.millimetres is None else f"{self.millimetres:g} mm"
        before = ("" if self.certain else "possible", CHANGE_WORDS[self.change], severity_words(self.severity), size)
        name = " ".join(filter(None, (*before, side_words(self.sides), *sorted(self.access), self.name)))
        places = [*sorted(self.zones), *(f"tip: {tip}" for tip in sorted(self.tips)), PLACED_WORDS[self.placed]]
        return name + (f" ({', '.join(filter(None, places))})" if any(places) else "")


CHANGE_WORDS = {"new": "new", "worse": "increased", "better": "decreased", "same": "unchanged", "": ""}
PLACED_WORDS = {"well": "well placed", "badly": "malpositioned", "": ""}
_DEGREES = ((0.75, "minimal"), (1.25, "mild"), (1.75, "mild to moderate"), (2.25, "moderate"), (9.0, "severe"))


def side_words(sides: frozenset[str]) -> str:
    """`left`, `right`, `bilateral` or nothing."""
    return "bilateral" if len(sides) > 1 else next(iter(sides), "")


def severity_words(severity: float | None) -> str:
    """A degree in a word."""
    return "" if severity is None else next(word for limit, word in _DEGREES if severity < limit)
