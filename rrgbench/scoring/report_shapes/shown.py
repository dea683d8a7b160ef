"""What of a file may stand in a message: names and ids, never the text of a report."""

import re


def shown(name: object) -> str:
    """A field's name for a message; what may be report text is not shown."""
    text = str(name)
    if len(text) <= 64 and len(text.split()) <= 3 and text.isprintable() and not re.search(r"[\"“”,;]|\.\s*$", text):
        return text
    return f"(a text of {len(text)} characters)"


def shown_id(study: str) -> str:
    """A study's id for a message; text that got where ids stand is not shown."""
    return shown(study) if may_be_id(study) else f"(a text of {len(study)} characters)"


def may_be_id(study: str) -> bool:
    """Whether it may be an id: one word, or several that all have digits."""
    words = study.split()
    return len(words) < 2 or all(any(character.isdigit() for character in word) for word in words)
