"""M2 Tr.: memory in the encoder, the mesh of its layers, contexts in the report's order, and the second step."""

import numpy as np
import pytest
import torch
from equations import REPORTS, arrays, linear, sigmoid, softmax, untrained
from transformers import BartConfig, BartForConditionalGeneration

from baselines.m2tr import M2TR, M2TRConfig, MemoryAttention, MeshedLook, WriterDecoding, context_of
from rrgbench.errors import MissingPartError
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import train_report_tokenizer


def heads_of(q, k, v, heads):
    width = q.shape[1] // heads
    cuts = [slice(head * width, (head + 1) * width) for head in range(heads)]
    return np.concatenate([softmax(q[:, cut] @ k[:, cut].T / np.sqrt(width)) @ v[:, cut] for cut in cuts], 1)


@torch.inference_mode()
def test_memory_slots_are_further_keys_and_values():
    torch.manual_seed(1)
    width, heads, slots = 8, 2, 3
    attention = MemoryAttention(width, heads, slots)
    w, x = arrays(attention), torch.randn(1, 5, width)
    q, k, v = (linear(x[0].numpy(), w, name) for name in ("query", "key", "value"))
    k = np.concatenate([k, np.sqrt(width / heads) * w["memory_keys"][0]])
    v = np.concatenate([v, np.sqrt(slots) * w["memory_values"][0]])
    expected = linear(heads_of(q, k, v, heads), w, "output")
    found = attention.over(x)
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found, attention(x, *attention.keys_values(x)), atol=1e-3)


@torch.inference_mode()
def test_mesh_of_all_encoder_layers():
    """Each layer's answer by the same attention, gated by its own sigmoid, times layers^-1/2."""
    torch.manual_seed(2)
    config = M2TRConfig(width=8, heads=2, layers=3)
    look = MeshedLook(config)
    w, x = arrays(look), torch.randn(1, 4, 8)
    layers = [torch.randn(1, 5, 8) for _ in range(3)]
    q, expected = linear(x[0].numpy(), w, "attention.query"), 0.0
    for index, states in enumerate(layers):
        k, v = (linear(states[0].numpy(), w, f"attention.{name}") for name in ("key", "value"))
        answer = linear(heads_of(q, k, v, 2), w, "attention.output")
        gate = sigmoid(linear(np.concatenate([x[0].numpy(), answer], 1), w, f"gates.{index}"))
        expected = expected + gate * answer / np.sqrt(3)
    np.testing.assert_allclose(look(x, look.memory(*layers))[0].numpy(), expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_every_encoder_layer_and_the_memory_reach_the_words():
    model = untrained("m2tr")
    ids = torch.tensor([[4, 5, 6]])
    layers = [torch.randn(1, 4, model.config.width) for _ in range(model.config.layers)]

    def logits(states):
        return model.decoder(ids, model.decoder.memory(*states))

    for index in range(len(layers)):
        other = [states if place != index else torch.randn_like(states) for place, states in enumerate(layers)]
        assert not torch.allclose(logits(layers), logits(other), atol=1e-5)
        for layer in model.decoder.stack():
            # a gate far below zero shuts its encoder layer out
            layer.look.gates[index].weight.zero_()
            layer.look.gates[index].bias.fill_(-200.0)
        torch.testing.assert_close(logits(layers), logits(other))

    model = untrained("m2tr")
    film = torch.randint(0, 255, (1, 32, 32)).float()
    before = model.word_logits(film, ids)
    for layer in model.encoder:
        layer.attention.memory_values.neg_()
    assert not torch.allclose(before, model.word_logits(film, ids), atol=1e-5)


def test_context_is_what_is_mentioned_in_order_with_its_polarity():
    assert context_of("No pleural effusion. The heart is enlarged. Possible pneumonia. No effusion.") == (
        "absent pleural effusion . present cardiomegaly . possible pneumonia ."
    )
    assert context_of("Pneumonia. No pneumothorax.") == "present pneumonia . absent pneumothorax ."
    assert context_of("Comparison is made.") == "nothing"


@torch.inference_mode()
def test_the_second_step_word_by_word_equals_teacher_forcing():
    model = untrained("m2tr")
    contexts = torch.tensor([[4, 5, 6, 7], [4, 8, 0, 0]])
    ids = torch.randint(4, model.config.vocabulary, (2, 6))
    expected = model.report_logits(contexts, ids).log_softmax(-1)
    padded = model.report_logits(torch.nn.functional.pad(contexts, (0, 3)), ids).log_softmax(-1)
    torch.testing.assert_close(expected, padded, rtol=1e-4, atol=1e-5)
    state = WriterDecoding(model.writer, contexts, (contexts != 0).long(), beams=2)
    for step in range(3):
        found = state.step(ids[:, step].repeat_interleave(2))
        torch.testing.assert_close(found, expected[:, step].repeat_interleave(2, 0), rtol=1e-4, atol=1e-5)
    other = ids[:, 3].repeat_interleave(2)
    other[1::2] = 4
    state.step(other)
    state.reorder(torch.tensor([0, 0, 2, 2]))
    found = state.step(ids[:, 4].repeat_interleave(2))
    torch.testing.assert_close(found, expected[:, 4].repeat_interleave(2, 0), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("width", [16, 128])
def test_an_untrained_second_step_answers_its_context(width):
    """From BART's own deviation, 0.02, logits move by less than 0.01 of theirs at such widths."""
    model = untrained("m2tr", width=width, heads=2)
    contexts = torch.tensor([[4, 5, 6, 7], [4, 8, 9, 10]])
    one, other = model.report_logits(contexts, torch.tensor([[4, 5, 6]]).expand(2, -1))
    assert (one - other).std() > 0.1 * one.std()


def test_steps_learn_apart_and_the_report_comes_from_the_context_that_was_written():
    model = untrained("m2tr")
    batch = {
        "films": torch.randint(0, 255, (2, 32, 32)).float(),
        "ids": torch.tensor([[4, 5, 6], [4, 6, 7]]),
        "targets": torch.tensor([[5, 6, 7], [6, 7, 8]]),
        "contexts": torch.tensor([[4, 5, 6, 0], [4, 6, 0, 0]]),
        "reports": torch.tensor([[4, 7, 8, 2, 0], [4, 9, 2, 0, 0]]),
    }
    whole = model.loss(batch)
    first = super(M2TR, model).loss(batch)
    targets = torch.tensor([[7, 8, 2], [9, 2, -100]])
    second = torch.nn.functional.cross_entropy(
        model.report_logits(batch["contexts"][:, :3], batch["reports"][:, :3]).flatten(0, 1), targets.flatten()
    )
    assert whole.item() == pytest.approx((first + second).item(), rel=1e-5)
    second.backward()
    moved = {name.partition(".")[0] for name, value in model.named_parameters() if value.grad is not None}
    assert moved == {"writer"}

    asked = []
    model.write_contexts = lambda films: ["absent effusion ."] * len(films)
    model.write = lambda contexts: asked.extend(contexts) or ["a report"] * len(contexts)
    assert model.generate_reports(np.zeros((3, 32, 32), dtype=np.uint8)) == ["a report"] * 3
    assert asked == ["absent effusion ."] * 3


def test_bart_of_a_folder_with_its_own_vocabulary(tmp_path):
    tokenizer = train_report_tokenizer(["effusion absent present heart normal .", *REPORTS], (REPORT_START,), 1)
    tokenizer.bos_token = REPORT_START
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=200,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, forced_eos_token_id=None,
        decoder_start_token_id=tokenizer.eos_token_id, init_std=0.5,
    )  # fmt: skip
    torch.manual_seed(6)
    BartForConditionalGeneration(config).save_pretrained(tmp_path / "bart")
    tokenizer.save_pretrained(tmp_path / "bart")
    model = untrained("m2tr", writer={"weights": str(tmp_path / "bart")}, max_report=12)
    assert "weights" not in model.config.writer
    read, written = (rows(["heart normal ."])[0] for rows in (model.context_rows, model.writer_rows))
    # as BART reads and writes: <s> text </s>, and </s> text </s>
    assert (read[0], written[0]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert read[1:] == written[1:]
    films = np.zeros((2, 32, 32), dtype=np.uint8)
    written = model.generate_reports(films)
    model.save_pretrained(tmp_path / "model")
    assert M2TR.from_pretrained(tmp_path / "model").generate_reports(films) == written
    with pytest.raises(MissingPartError, match="no BART"):
        untrained("m2tr", writer={"weights": str(tmp_path / "nothing")})
