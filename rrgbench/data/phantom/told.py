"""A sentence of a phantom's report together with what it tells, so that it can be asked for again in other words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rrgbench.data.phantom.case import Device, Finding

Kind = Literal["finding", "denial", "normal", "device", "change", "remark"]


@dataclass(frozen=True)
class Told:
    """A sentence.

    Attributes
    ----------
    text : str
        Lower case, without its full stop.
    kind : {"finding", "denial", "normal", "device", "change", "remark"}
        A finding that is there, perhaps; findings that are not; a heart or mediastinum that is normal; a device; what
        has gone since the previous study; anything that none of the 14 observations depends on.
    about : tuple of str
        The observations it speaks of.
    template : str
        With slots in braces, as in `rrgbench.data.phantom.phrases`.
    slots : mapping of str to str
        What fills them; `again` is the comparison with an earlier film.
    finding : Finding or None
        What a sentence of a finding tells.
    device : Device or None
        What a sentence of a device tells.
    """

    text: str
    kind: Kind = "remark"
    about: tuple[str, ...] = ()
    template: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    finding: Finding | None = None
    device: Device | None = None


def said(sentences: list[Told] | tuple[Told, ...]) -> str:
    """The text of a report: its sentences, each ended by a full stop."""
    return " ".join(f"{told.text}." for told in sentences)
