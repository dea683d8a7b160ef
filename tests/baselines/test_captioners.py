"""What all captioners have in common: decoding word by word gives what teacher forcing saw in training."""

import numpy as np
import pytest
import torch
from equations import shown, untrained

from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import encode_reports, pad_rows

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
def test_the_loss_of_a_report_is_that_of_its_words_and_end_whatever_stands_beside_it(name):
    model, reports = untrained(name), ["small effusion .", "the heart is enlarged . no effusion ."]
    films = shown(name, torch.randint(0, 255, (2, 32, 32)).float())
    rows = encode_reports(model.tokenizer, reports, REPORT_START, model.config.max_report)
    found = model.losses_under(model.word_logits, [(films, 2)], reports)
    ids = pad_rows(rows, model.config.pad_token_id)[0]
    logits = torch.log_softmax(model.word_logits(films, ids), dim=-1).numpy()
    for place, row in enumerate(rows):
        expected = -sum(logits[place, step, token] for step, token in enumerate(row[1:]))
        assert found[place] == pytest.approx([expected, len(row) - 1], rel=1e-5)


@torch.inference_mode()
def test_m2tr_loses_a_report_given_the_context_that_it_writes():
    model, films = untrained("m2tr"), np.random.default_rng(0).integers(0, 255, (2, 32, 32)).astype(np.uint8)
    reports = ["small effusion .", "the heart is enlarged ."]
    contexts = pad_rows(model.context_rows(model.write_contexts(films)), 0)[0]
    rows = model.writer_rows(reports)
    logits = torch.log_softmax(model.report_logits(contexts, pad_rows(rows, 0)[0]), dim=-1)
    expected = [
        [-sum(logits[i, t, token] for t, token in enumerate(row[1:])), len(row) - 1] for i, row in enumerate(rows)
    ]
    np.testing.assert_allclose(model.report_losses(films, reports), expected, rtol=1e-5)


@pytest.mark.parametrize("name", CAPTIONERS)
@torch.inference_mode()
def test_the_film_matters(name):
    model = untrained(name)
    ids = torch.randint(4, model.config.vocabulary, (1, 5))
    films = torch.zeros(1, 32, 32), torch.full((1, 32, 32), 200.0)
    first, second = (model.word_logits(shown(name, film), ids) for film in films)
    assert not torch.allclose(first, second, atol=1e-6)


@torch.inference_mode()
def test_beam_search_divides_by_the_configured_power_of_length():
    """What probability itself prefers is no longer than what is liked for its length."""
    model = untrained("s&t", max_report=12)
    films = torch.randint(0, 255, (8, 32, 32)).float()
    written = []
    for power in (0.0, 8.0):
        model.config.length_power = power
        state = model.decoding_state(films, model.config.beams)
        written.append([len(report.split()) for report in model.decode(state, len(films))])
    assert all(short <= long for short, long in zip(*written, strict=True))
    assert written[0] != written[1]
