"""The cache that the beams of an item share, against the full pass over each row's own history."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.modeling.report_decoder import FIRST_STEPS, CachedDecoding, DecoderShape, DeepPrompts, ReportDecoder

WORDS = 30


KINDS = [None, "self", "both"]
"""Which attention soft prompts enter, if there are any."""


def parts(attention):
    torch.manual_seed(0)
    decoder = ReportDecoder(
        vocabulary=WORDS,
        shape=DecoderShape(width=16, memory_width=12, heads=4, layers=2, feed_forward=32),
        dropout=0.1,
        pad=0,
    ).eval()
    prompts = None if attention is None else DeepPrompts(2, 4, 16, 5, crossed=attention == "both")
    return decoder, torch.nn.Linear(16, WORDS), prompts


@settings(deadline=None, max_examples=25)
@given(
    attention=st.sampled_from(KINDS),
    beams=st.integers(1, 4),
    moves=st.lists(st.sampled_from(["step", "reorder", "drop"]), min_size=1, max_size=14),
    seed=st.integers(0, 1000),
)
def test_any_sequence_of_moves_is_the_full_pass(attention, beams, moves, seed):
    decoder, head, prompts = parts(attention)
    generator = torch.Generator().manual_seed(seed)
    memory = torch.randn(4, 7, 12, generator=generator)
    items = torch.arange(4)
    histories = torch.empty(4, beams, 0, dtype=torch.long)
    with torch.inference_mode():
        state = CachedDecoding(decoder, head, memory, beams, prompts)
        for move in [*moves, "step"]:
            if move == "reorder":
                origin = torch.randint(beams, (len(items), beams), generator=generator)
                state.reorder((origin + beams * torch.arange(len(items))[:, None]).view(-1))
                histories = torch.stack([histories[row, origin[row]] for row in range(len(items))])
            elif move == "drop" and len(items) > 1:
                kept = torch.randperm(len(items), generator=generator)[:-1].sort().values
                state.keep_items(kept)
                items, histories = items[kept], histories[kept]
            else:
                tokens = torch.randint(1, WORDS, (len(items), beams), generator=generator)
                histories = torch.cat([histories, tokens[:, :, None]], dim=2)
                ours = state.step(tokens.view(-1))
                rows = memory[items].repeat_interleave(beams, 0)
                whole = head(decoder(histories.flatten(0, 1), rows, prompts)[:, -1]).log_softmax(-1)
                assert torch.allclose(ours, whole, atol=1e-5)


@pytest.mark.parametrize("attention", KINDS)
def test_a_cache_grows_beyond_its_first_size(attention):
    decoder, head, prompts = parts(attention)
    steps = 3 * FIRST_STEPS
    memory, tokens = torch.randn(2, 7, 12), torch.randint(1, WORDS, (4, steps))
    with torch.inference_mode():
        state = CachedDecoding(decoder, head, memory, 2, prompts)
        ours = torch.stack([state.step(tokens[:, step]) for step in range(steps)], 1)
        whole = head(decoder(tokens, memory.repeat_interleave(2, 0), prompts)).log_softmax(-1)
    assert torch.allclose(ours, whole, atol=1e-4)
