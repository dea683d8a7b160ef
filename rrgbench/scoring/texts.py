"""Texts as a protocol compares them and as its labeler reads them."""

from collections.abc import Sequence

from rrgbench.scoring.options import Scoring


def compared_texts(
    references: Sequence[Sequence[str]], others: Sequence[str], options: Scoring
) -> tuple[list[list[str]], list[str]]:
    """References as the protocol compares them, tokenized and through its vocabulary, and other texts, tokenized."""
    # All texts in one call: a tokenizer may be a process.
    words = iter(options.protocol.tokenize([*(text for study in references for text in study), *others]))
    found = [[decoded(next(words), options) for _ in study] for study in references]
    return found, list(words)


def decoded(reference: str, options: Scoring) -> str:
    """A prepared reference through the vocabulary, where the protocol has one."""
    return reference if options.vocabulary is None else options.vocabulary.decoded(reference)


def labelled_texts(references: Sequence[str], others: Sequence[str], options: Scoring) -> tuple[list[str], list[str]]:
    """References and other texts as the protocol's labeler reads them."""
    if options.protocol.labelled_text == "as given":
        return list(references), list(others)
    cleaned = [decoded(text, options) for text in options.protocol.clean(references)]
    return cleaned, options.protocol.clean(others)
