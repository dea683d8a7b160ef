"""What all captioners have in common: decoding word by word gives what teacher forcing saw in training."""

import pytest
import torch
from equations import shown, untrained

from rrgbench.modeling.report_model import REPORT_START

CAPTIONERS = ("s&t", "adaatt", "topdown", "r2gen", "xpronet", "deltanet", "dcl", "m2tr", "ppked")


@pytest.mark.parametrize("name", CAPTIONERS)
@torch.inference_mode()
def test_steps_equal_teacher_forcing_and_follow_their_rows(name):
    model = untrained(name)
    films = shown(name, torch.randint(0, 255, (3, 32, 32)).float())
    ids = torch.randint(4, model.config.vocabulary, (3, 9))
    ids[:, 0] = model.tokenizer.convert_tokens_to_ids(REPORT_START)
    expected = torch.log_softmax(model.word_logits(films, ids), dim=-1)
    state = model.decoding_state(films, beams=2)
    for step in range(5):
        found = state.step(ids[:, step].repeat_interleave(2))
        torch.testing.assert_close(found, expected[:, step].repeat_interleave(2, 0), rtol=1e-4, atol=1e-5)
    # from here the second beam of each film follows another word, then both go on from the first
    other = ids[:, 5].repeat_interleave(2)
    other[1::2] = 4
    state.step(other)
    state.reorder(torch.tensor([0, 0, 2, 2, 4, 4]))
    found = state.step(ids[:, 6].repeat_interleave(2))
    torch.testing.assert_close(found, expected[:, 6].repeat_interleave(2, 0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CAPTIONERS)
@torch.inference_mode()
def test_the_film_matters(name):
    model = untrained(name)
    ids = torch.randint(4, model.config.vocabulary, (1, 5))
    films = torch.zeros(1, 32, 32), torch.full((1, 32, 32), 200.0)
    first, second = (model.word_logits(shown(name, film), ids) for film in films)
    assert not torch.allclose(first, second, atol=1e-6)
