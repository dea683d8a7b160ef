"""Reports inside what tools of language models write around an answer.

A conversation, a completion of an OpenAI server or of its batches, the outputs of vLLM, of pipelines and of lm-eval:
the answer lies some keys deep. It is taken where the shape is one of these; of anything else `text_places` tells where
texts lie, never what they say.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

FIELDS: Final = ("filtered_resps", "resps", "choices", "messages", "conversations", "conversation")
"""Names of fields with answers in such a shape, the surest first."""

ONLY_ANSWERS: Final = ("filtered_resps", "resps", "choices")
"""Those that a model wrote, so that no reference is read from them."""

_SPEAKERS: Final = ("role", "from")
_ASSISTANTS: Final = ("assistant", "gpt", "model", "bot")
_SAID: Final = ("content", "value", "text")
_INSIDE: Final = ("body", "message", "generated_text", "choices", "output", "content", "text")
"""Where an answer lies in an object, the outer first."""
_WORDS: Final = ("generated_text", "content", "text")
"""Those of them that hold its words; null where a model refused."""

_TEXT_PARTS: Final = ("text", "output_text")
_OTHER_PARTS: Final = ("thinking", "redacted_thinking", "reasoning", "refusal")
"""Parts of a message that are no report."""


def answers_in(value: object) -> list[str] | None:
    """The answers that a nested value holds; None where its shape is none of those known.

    Of a conversation the last turn of the assistant is the answer.
    """
    if isinstance(value, Mapping):
        return _of_object(value)
    if not isinstance(value, list) or not all(isinstance(one, Mapping | list) for one in value):
        return None
    if value and all(_speaker(one) for one in value):
        return _last_turn(value)
    # the Responses API puts a model's reasoning beside its message
    messages = [one for one in value if isinstance(one, Mapping) and one.get("type") == "message"]
    found: list[str] = []
    for one in messages or value:
        inner = one if isinstance(one, list) and one and all(isinstance(text, str) for text in one) else answers_in(one)
        if inner is None:
            return None
        found += inner
    return found


def text_places(value: object, place: str = "") -> list[str]:
    """The places of all texts in a nested value as paths of keys, a list's first item for all of it."""
    if isinstance(value, str):
        return [place] if value.strip() else []
    if isinstance(value, Mapping):
        inner: Iterator[tuple[str, Any]] = (
            (f"{place}.{_key(key)}" if place else _key(key), one) for key, one in value.items()
        )
        return [found for path, one in inner for found in text_places(one, path)]
    if isinstance(value, list) and value:
        return text_places(value[0], f"{place}[0]")
    return []


def with_ids_of_document(record: dict[str, Any], is_id: Callable[[str], bool]) -> dict[str, Any]:
    """A record of lm-eval with the ids that its document has, since its own number says no study."""
    document = record.get("doc")
    if not isinstance(document, Mapping) or not any(name in record for name in ONLY_ANSWERS):
        return record
    ids = {key: one for key, one in document.items() if is_id(key) and isinstance(one, str | int)}
    return {**ids, **record}


def _of_object(value: Mapping[str, Any]) -> list[str] | None:
    if _speaker(value) in _ASSISTANTS:
        return _last_turn([value])
    for key in _INSIDE:
        inner = value.get(key)
        if isinstance(inner, str):
            return [inner]
        if isinstance(inner, Mapping | list) and inner:
            return _parts(inner) if _are_parts(inner) else answers_in(inner)
    return [""] if any(key in value and value[key] is None for key in _WORDS) else None


def _last_turn(turns: list[Any]) -> list[str] | None:
    said = [one for one in turns if _speaker(one) in _ASSISTANTS]
    if not said:
        return None
    words = next((said[-1][key] for key in _SAID if said[-1].get(key) is not None), None)
    if words is None or isinstance(words, str):
        return [words or ""]
    return _parts(words) if _are_parts(words) else None


def _speaker(turn: object) -> str:
    """Who speaks in a turn of a conversation; empty where it is none."""
    if not isinstance(turn, Mapping) or not any(key in turn for key in _SAID):
        return ""
    return next((str(turn[key]).strip().lower() for key in _SPEAKERS if isinstance(turn.get(key), str)), "")


def _are_parts(value: object) -> bool:
    """Whether these are the parts of one message, as `{"type": "text", "text": ...}`, thinking among them or not."""
    return isinstance(value, list) and bool(value) and all(_is_part(one) for one in value)


def _is_part(one: object) -> bool:
    if not isinstance(one, Mapping):
        return False
    return one.get("type") in _OTHER_PARTS or (one.get("type") in _TEXT_PARTS and isinstance(one.get("text"), str))


def _parts(value: Any) -> list[str]:
    return ["".join(part["text"] for part in value if part["type"] in _TEXT_PARTS)]


def _key(key: object) -> str:
    """A key for a message; what may be report text is not shown."""
    text = str(key)
    return text if re.fullmatch(r"[\w.-]{1,40}", text) else f"(a key of {len(text)} characters)"
