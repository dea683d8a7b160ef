"""The shared beam search against transformers' generate, on the same network."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from rrgbench.modeling.beam_search import beam_search

END, PAD, START = 1, 0, 2


class Recomputing:
    """Decoding state without a cache: runs the whole prefix each step."""

    def __init__(self, model, rows):
        self.model, self.ids = model, torch.empty(rows, 0, dtype=torch.long)

    def step(self, tokens):
        self.ids = torch.cat([self.ids, tokens.unsqueeze(1)], 1)
        return self.model(self.ids).logits[:, -1].log_softmax(-1)

    def reorder(self, rows):
        self.ids = self.ids[rows]


def network(seed, sharpness):
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=24, n_positions=32, n_embd=16, n_layer=1, n_head=2, bos_token_id=START,
                   eos_token_id=END, pad_token_id=PAD)
    ).eval()  # fmt: skip
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(sharpness)
    return model


@pytest.mark.parametrize("beams", [1, 2, 3, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_same_reports_as_transformers(beams, length_penalty, seed):
    model = network(seed, 4.0)
    prompts = torch.tensor([[2], [5], [7], [11]])
    ours = beam_search(
        Recomputing(model, 4 * beams), prompts[:, 0], END, PAD, beams, max_length=12, length_penalty=length_penalty
    )
    theirs = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        num_beams=beams,
        do_sample=False,
        max_new_tokens=12,
        length_penalty=length_penalty,
        early_stopping=False,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    expected = [[token for token in row[1:].tolist() if token not in (END, PAD)] for row in theirs]
    assert [[token for token in row if token != PAD] for row in ours] == expected


class Shrinking(Recomputing):
    """The same, and it can drop items."""

    def __init__(self, model, items, beams):
        super().__init__(model, items * beams)
        self.beams, self.sizes = beams, [items]

    def keep_items(self, items):
        rows = (items[:, None] * self.beams + torch.arange(self.beams)).view(-1)
        self.ids = self.ids[rows]
        self.sizes.append(len(items))


@pytest.mark.parametrize("beams", [1, 3])
def test_dropping_finished_items_changes_no_report(beams):
    model = network(1, 4.0)
    starts = torch.arange(2, 18)
    state = Shrinking(model, len(starts), beams)
    dropped = beam_search(state, starts, END, PAD, beams, max_length=25)
    kept = beam_search(Recomputing(model, len(starts) * beams), starts, END, PAD, beams, max_length=25)
    assert dropped == kept
    assert len({len(report) for report in kept}) > 1, "the test needs reports that end at different steps"
    assert len(state.sizes) > 1, "the test needs items that were dropped"
    assert state.sizes == sorted(state.sizes, reverse=True)


def test_forbidden_tokens_are_never_written():
    model = network(1, 4.0)
    free = beam_search(Recomputing(model, 3), torch.tensor([5]), END, PAD, 3, max_length=10)[0]
    assert free, "the test needs a network that writes something"
    bound = beam_search(Recomputing(model, 3), torch.tensor([5]), END, PAD, 3, max_length=10, forbidden=[free[0]])[0]
    assert free[0] not in bound


def test_batched_equals_one_by_one():
    model = network(3, 4.0)
    starts = torch.tensor([2, 5, 7, 9])
    together = beam_search(Recomputing(model, 12), starts, END, PAD, 3, max_length=15)
    alone = [beam_search(Recomputing(model, 3), start[None], END, PAD, 3, max_length=15)[0] for start in starts]
    assert together == alone
