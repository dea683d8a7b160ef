"""What a model wrote while it thought, before its report."""

import re
from typing import Final

_THINKING: Final = (
    # what is not closed was cut off before a report came
    re.compile(r"<(think|thinking|thought|reasoning|analysis)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE),
    re.compile(r"<\|channel>\s*thought\b.*?(?:<channel\|>|\Z)", re.DOTALL),
    re.compile(r"<\|channel\|>analysis<\|message\|>.*?(?:<\|end\|>|\Z)", re.DOTALL),
    re.compile(r"<unused94>\s*thought\b.*?(?:<unused95>|\Z)", re.DOTALL),
)
_THINKING_ENDS: Final = re.compile(
    r"\A.*(?:</(?:think|thinking|thought|reasoning|analysis)>|<unused95>|<\|channel\|>final<\|message\|>)", re.DOTALL
)
"""A chat template may have opened the thinking, so that the answer holds its end only."""


def without_thinking(text: str) -> str:
    """An answer without the thinking before it; empty where it ends within that."""
    if "<" not in text:
        return text.strip()
    for pattern in _THINKING:
        text = pattern.sub(" ", text)
    return _THINKING_ENDS.sub("", text, count=1).strip()
