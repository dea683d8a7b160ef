"""The jar's `-norm` tokenization of English: text to lower-cased tokens.

METEOR's normalizer follows the Moses tokenizer: symbols are split off, dots and commas inside numbers stay,
contractions split before the apostrophe, hyphens between words go, and a final dot splits off unless the word is a
known abbreviation or a lower-case word follows. The order of the rewriting steps below is that of the jar (class
Normalizer), since each step sees what the last one left.
"""

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Final, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

ANY_FOLLOWER: Final = "any"
BEFORE_NUMBER: Final = "number"

# Western European and Cyrillic letters as the jar lists them, not all that Unicode knows.
_ALPHA: Final = (
    "A-Za-z\u0160\u017d\u0161\u017e\u0178\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e"
    "\u0400-\u04ff\u0500-\u0527\ua640-\ua66e\ua67e-\ua697\u1d00-\u1d7f"
)
_ALNUM: Final = "0-9" + _ALPHA
_JAVA_SPACE: Final = " \t\n\x0b\f\r"
_UNICODE_SPACES: Final = re.compile("[ \u2000-\u200a\u202f\u205f\u3000\u00a0]+")
_TOKEN_BREAK: Final = re.compile("[ \t\n\r\f]+")
_TRIMMED: Final = "".join(chr(code) for code in range(33))

_SYMBOL: Final = re.compile(rf"([^{_ALNUM}{_JAVA_SPACE}.'`,\-\u2018\u2019])")
_DOTS: Final = re.compile(r"\.(\.+)")
_DOT_MARK_END: Final = re.compile(r"DOTMULTI\.([^.])")
_COMMA_STEPS: Final = (
    (re.compile(r"([^0-9]),([^0-9])"), r"\1 , \2"),
    (re.compile(r"([0-9]),([^0-9])"), r"\1 , \2"),
    (re.compile(r"([^0-9]),([0-9])"), r"\1 , \2"),
)
_SINGLE_QUOTE: Final = re.compile("[`\u2018\u2019]")
_DOUBLE_QUOTE: Final = re.compile("[\u201c\u201d]|''")
_INNER_DASH: Final = re.compile(rf"([{_ALNUM}.])-([{_ALNUM}])")
_APOSTROPHE_STEPS: Final = (
    (re.compile(rf"([^{_ALPHA}])'([^{_ALPHA}])"), r"\1 ' \2"),
    (re.compile(rf"([^{_ALPHA}0-9])'([{_ALPHA}])"), r"\1 ' \2"),
    (re.compile(rf"([{_ALPHA}])'([^{_ALPHA}])"), r"\1 ' \2"),
    (re.compile(rf"([{_ALPHA}])'([{_ALPHA}])"), r"\1 '\2"),
    (re.compile(r"([0-9])'([s])"), r"\1 '\2"),
)
_LETTER: Final = re.compile(f"[{_ALPHA}]")

# Where one token's rewriting reaches into the next: a comma or quote at the end of one and at the start of the next
# share the space between them, and control characters at the ends of a line are trimmed.
_REACHES_OVER: Final = re.compile(r",\s+,|['`]\s+['`]|[\x00-\x08\x0b\x0e-\x1f]")


def clean(text: str) -> str:
    """Text as one line without the separator `|||`.

    pycocoevalcap sends one line a study to the jar: a line break in a report shifts or hangs the pipe, and `|||` in a
    reference starts another reference. Here a line break is a space, and `|||` is dropped, as pycocoevalcap does in
    hypotheses.
    """
    if "|||" in text:
        text = text.replace("|||", "")
    if "\n" in text or "\r" in text:
        text = text.replace("\n", " ").replace("\r", " ")
    return text.strip(_TRIMMED)


class Remembered(dict[Key, Value]):
    """A mapping that computes what it lacks, once."""

    def __init__(self, compute: Callable[[Key], Value]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, key: Key) -> Value:
        """Compute, keep and give the value."""
        value = self[key] = self._compute(key)
        return value


class Normalizer:
    """Turns texts into METEOR's tokens.

    Parameters
    ----------
    prefixes : mapping of str to str
        Words that keep a final dot: `ANY_FOLLOWER` or `BEFORE_NUMBER` (only if a number follows).
    """

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._memory = Remembered(self._learn)

    def sentences(self, text: str) -> list[str]:
        """A text in pieces whose tokens, end to end, are the text's.

        Reports repeat sentences more often than they repeat themselves; a full stop that stands alone ends one.
        """
        text = clean(text)
        if " . " not in text or _depends(text):
            return [text]
        pieces = text.split(" . ")
        return [*[f"{piece} ." for piece in pieces[:-1]], pieces[-1]]

    def tokens(self, text: str) -> list[str]:
        """Lower-cased tokens of a text; an empty or blank text has none."""
        text = clean(text)
        if _depends(text):
            return self._finish(self._dots(_rewrite(text), ""))
        parts = text.split()
        known = [self._memory[part] for part in parts]
        if not all(known):
            # A final dot: the next word decides.
            followers = [_kind(part) for part in parts[1:]] + [""]
            known = [
                found or self._dotted(part, follower)
                for found, part, follower in zip(known, parts, followers, strict=True)
            ]
        return list(chain.from_iterable(known))

    def _learn(self, part: str) -> tuple[str, ...]:
        """Tokens of a stretch without white space; none if they depend on what follows."""
        if (part.isalnum() and "DOTMULTI" not in part) or part == ".":
            return (part.lower(),)
        words = _rewrite(part)
        return () if _ends_in_dot(words[-1]) else tuple(self._finish(self._dots(words, "")))

    def _dotted(self, part: str, follower: str) -> tuple[str, ...]:
        key = f"{part} {follower}"
        if key not in self._memory:
            self._memory[key] = tuple(self._finish(self._dots(_rewrite(part), follower)))
        return self._memory[key]

    def _dots(self, words: list[str], follower: str) -> list[str]:
        """Split final dots off unless a word is an abbreviation; `follower` stands for what follows the last."""
        out = []
        for index, word in enumerate(words):
            if not _ends_in_dot(word):
                out.append(word)
                continue
            stem = word[:-1]
            kind = self._prefixes.get(stem)
            after = _kind(words[index + 1]) if index + 1 < len(words) else follower
            if "." in stem and _LETTER.search(stem):
                out.append(word.replace(".", ""))
            elif kind == ANY_FOLLOWER or after == "a" or (kind == BEFORE_NUMBER and after == "0"):
                out.append(word)
            else:
                out += [stem, "."]
        return out

    @staticmethod
    def _finish(words: list[str]) -> list[str]:
        line = " ".join(words)
        while "DOTDOTMULTI" in line:
            line = line.replace("DOTDOTMULTI", "DOTMULTI.")
        line = line.replace("DOTMULTI", ".")
        line = _UNICODE_SPACES.sub(" ", line).strip(_TRIMMED).lower()
        return [word for word in _TOKEN_BREAK.split(line) if word]


def _depends(text: str) -> bool:
    """Whether the tokens of a stretch may depend on more than the kind of its follower."""
    # The three quick questions spare most texts the search.
    suspect = "," in text or "'" in text or "`" in text or not text.isprintable()
    return not text.isascii() or (suspect and _REACHES_OVER.search(text) is not None)


def _ends_in_dot(word: str) -> bool:
    return len(word) > 1 and word.endswith(".")


def _kind(word: str) -> str:
    """What a final dot before this word looks at: `a` lower-case letter, `0` digit, empty otherwise."""
    first = word[0]
    if "a" <= first <= "z":
        return "a"
    return "0" if "0" <= first <= "9" else ""


def _rewrite(text: str) -> list[str]:
    """All steps up to splitting at white space; final dots are still on their words."""
    line = _SYMBOL.sub(r" \1 ", f" {text} ")
    line = _DOTS.sub(r" DOTMULTI\1", line)
    while "DOTMULTI." in line:
        line = _DOT_MARK_END.sub(r"DOTDOTMULTI \1", line)
        line = line.replace("DOTMULTI.", "DOTDOTMULTI")
    for pattern, replacement in _COMMA_STEPS:
        line = pattern.sub(replacement, line)
    line = _SINGLE_QUOTE.sub("'", line)
    line = _DOUBLE_QUOTE.sub(' " ', line)
    line = line.replace("\u2013", "-").replace("--", "-")
    line = _INNER_DASH.sub(r"\1 \2", line)
    for pattern, replacement in _APOSTROPHE_STEPS:
        line = pattern.sub(replacement, line)
    return [word for word in _TOKEN_BREAK.split(line) if word]
