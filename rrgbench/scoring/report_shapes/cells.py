"""Ids and texts of studies, as cells hold them."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_answers import answers_in, text_places
from rrgbench.scoring.report_shapes.rows import Role
from rrgbench.scoring.report_shapes.shown import shown

_REXRANK_SECTIONS: Final = (("findings", "section_findings"), ("impression", "section_impression"))


def study_id_of(place: str, value: object, record: object = None) -> str:
    """The id that a cell holds, which may be its only film; InputError where it holds none.

    `record` is what the cell belongs to, for messages.
    """
    if isinstance(value, list) and len(value) == 1:
        # ms-swift writes {"bytes": null, "path": ...}
        value = value[0].get("path") if isinstance(value[0], Mapping) else value[0]
    if isinstance(value, Mapping | list) and value:
        places = told_places(text_places(record), "the right ones as fields study_id and report")
        raise InputError(f"{place}: study_id must be text or a whole number, got {type(value).__name__}{places}")
    if isinstance(value, float) and value.is_integer():
        # as pandas writes whole numbers of a column with gaps
        return repr(value)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InputError(f"{place}: study_id must be text or a whole number that is not empty")
    return str(value)


def is_missing(value: object) -> bool:
    """Whether a cell is missing as Python and pandas say it: None, NaN, NA."""
    nan = isinstance(value, float) and math.isnan(value)
    # by name, since pandas takes long to import
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")


def texts_of(place: str, value: object, field: str = "") -> tuple[str, ...]:
    """The texts of a study; `field` is where they stand, for messages."""
    if is_missing(value):
        return ("",)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        if len(value) > 2 and all(len(text.split()) < 2 for text in value):
            raise InputError(f"{place}: report is a list of {len(value)} single words; join them to one text")
        return tuple(value)
    # R2Gen's and COCO's captions: a list of {"caption": ...}.
    if isinstance(value, list) and value and all(isinstance(text, dict) and "caption" in text for text in value):
        return tuple(text for item in value for text in texts_of(place, item["caption"]))
    if isinstance(value, list) and not value:
        raise InputError(f"{place}: report is an empty list; write an empty text if there is none, or leave it out")
    answers = answers_in(value)
    if answers is not None and len(answers) > 1:
        raise InputError(
            f"{place}: {len(answers)} answers stand there, and which one counts can't be told; keep one of each study"
        )
    if answers:
        return (answers[0],)
    places = told_places(text_places(value, field and shown(field)))
    raise InputError(f"{place}: report must be text or a list of texts, got {type(value).__name__}{places}")


def told_places(places: Sequence[str], right: str = "the right one as a field report of its own") -> str:
    """Where texts lie, for a message, and what to write the right one as; empty where none does."""
    return f"; texts lie at {listed(places, most=4)}: write {right}" if places else ""


def rexrank_texts(place: str, value: Mapping[str, object], role: Role) -> tuple[str, ...]:
    """The text that ReXrank compares: of an absent section the word None."""
    if role == "predictions":
        if "model_prediction" not in value:
            fields = listed(map(shown, value), most=8)
            raise InputError(f"{place}: no model_prediction; fields are: {fields}; --report-column NAME takes one")
        return texts_of(place, value["model_prediction"])
    parts = []
    for names in _REXRANK_SECTIONS:
        found = [value[key] for key in names if value.get(key) is not None]
        text = texts_of(place, found[0]) if found else ("",)
        if len(text) > 1:
            raise InputError(f"{place}: {names[0]} must be one text, got {len(text)}")
        parts.append(text[0].strip() or "None")
    if parts == ["None", "None"]:
        raise InputError(f"{place}: neither findings nor impression; fields are: {listed(map(shown, value), most=8)}")
    return (f"Findings: {parts[0]} Impression: {parts[1]}",)
