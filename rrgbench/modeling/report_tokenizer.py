"""Word-level report tokenizer, learned from the training split.

Lower-cased words and punctuation marks are the tokens, as in R2Gen's code base, on the `tokenizers` library so that the
result is an ordinary `transformers` tokenizer that saves and loads with the model.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

IGNORED = -100
"""Target of padding."""

PAD, UNKNOWN, END, CLASSIFY = "[PAD]", "[UNK]", "[END]", "[CLS]"


def train_report_tokenizer(
    reports: Iterable[str], special: Sequence[str] = (), min_count: int = 3, max_words: int | None = None
) -> PreTrainedTokenizerFast:
    """Learn the vocabulary of some reports.

    Parameters
    ----------
    reports : iterable of str
        Training reports.
    special : sequence of str
        Further special tokens (start tokens of a decoder).
    min_count : int
        Rarer words become unknown (R2Gen uses 3 on IU X-Ray, 10 on MIMIC-CXR).
    max_words : int, optional
        Keep only that many most frequent words.
    """
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    splitter = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for report in reports:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(report)))
    # sorted by count and then by word, so that the order of the reports does not matter
    words = sorted((word for word, count in counts.items() if count >= min_count), key=lambda w: (-counts[w], w))
    reserved = [PAD, UNKNOWN, END, CLASSIFY, *special]
    vocabulary = {word: index for index, word in enumerate([*reserved, *words[:max_words]])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        cls_token=CLASSIFY,
        additional_special_tokens=list(special),
    )


def encode_for_classification(
    tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], max_length: int, multiple: int = 1
) -> tuple[Tensor, Tensor]:
    """Token ids and mask (n, t), each text led by the classification token, padded to the longest.

    With a `multiple` they are padded further, to a multiple of it or to `max_length`.
    """
    if tokenizer.cls_token_id is None:
        raise ValueError("the tokenizer has no classification token")
    rows = [
        [tokenizer.cls_token_id, *tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]][:max_length]
        for text in texts
    ]
    longest = max(len(row) for row in rows)
    return pad_rows(rows, tokenizer.pad_token_id, min(-(-longest // multiple) * multiple, max_length))


def encode_reports(
    tokenizer: PreTrainedTokenizerFast, reports: Sequence[str], start: str, max_length: int
) -> list[list[int]]:
    """Rows for a decoder to learn: start token, report, end token; at most `max_length` tokens after the start."""
    first = tokenizer.convert_tokens_to_ids(start)
    encoded = tokenizer(list(reports), add_special_tokens=False)["input_ids"]
    return [[first, *ids[: max_length - 1], tokenizer.eos_token_id] for ids in encoded]


def pad_rows(rows: Sequence[Sequence[int]], pad: int, width: int | None = None) -> tuple[Tensor, Tensor]:
    """Rows of token ids as one padded array and its mask, both (n, width), by default as wide as the longest."""
    width = max(len(row) for row in rows) if width is None else width
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[index, : len(row)] = True
    return ids, mask


def decode_report(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int]) -> str:
    """Report text of token ids: words and marks joined by single spaces, special tokens left out."""
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return " ".join(tokenizer.convert_ids_to_tokens([index for index in ids if index not in special]))
