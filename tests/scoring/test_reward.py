"""Metrics as rewards: the form that trainers call, and the values that `score` gives."""

import importlib.util
import threading
from pathlib import Path

import numpy as np
import pytest

import rrgbench
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.external.plug_in import ExternalMetric, Loaded, PlugIn

REFERENCES = ["The heart is large. No effusion.", "There is a small left effusion.", "No pneumothorax."]
COMPLETIONS = ["The heart is normal. No effusion.", "A left effusion is seen.", ""]


def plugged(better: str, keys: tuple[str, ...] = ("errors",)) -> ExternalMetric:
    plug_in = PlugIn(tuple(Entry(key, key, "plug-in", better=better) for key in keys), Loaded, "some-package", "pip")
    lengths = lambda references, reports: [[len(one.split())] * len(keys) for one in reports]  # noqa: E731
    return ExternalMetric("errors", plug_in, lengths, "some-package@1")


@pytest.mark.parametrize("metric", ["ce_f1", "rouge_l", "bleu_2", "meteor", "bleu_4_mean"])
@pytest.mark.parametrize("protocol", ["raw", "dcrrg", "radeval"])
def test_a_reward_is_what_score_gives_for_the_study(metric: str, protocol: str) -> None:
    scores = rrgbench.score(
        REFERENCES, COMPLETIONS, protocol, [metric], intervals=False, certificate=False, allow=["empty"]
    )
    found = rrgbench.reward(metric, protocol)(completions=COMPLETIONS, references=REFERENCES)
    assert found == scores.per_study[metric].tolist()
    assert all(type(one) is float for one in found)
    alone = [rrgbench.reward(metric, protocol)([one], [other]) for one, other in zip(COMPLETIONS, REFERENCES)]  # noqa: B905
    assert np.ravel(alone) == pytest.approx(found, abs=1e-12)


def test_messages_count_by_their_last_and_other_columns_are_left_alone() -> None:
    chats = [[{"role": "user", "content": "write"}, {"role": "assistant", "content": text}] for text in COMPLETIONS]
    halves = [[{"type": "text", "text": part} for part in (text[:9], text[9:])] for text in COMPLETIONS]
    parts = [[{"role": "assistant", "content": content}] for content in halves]
    f1 = rrgbench.reward("rouge_l", column="report")
    expected = f1(COMPLETIONS, report=REFERENCES)
    for form in (chats, parts):
        given = {"prompts": ["p"] * 3, "completion_ids": [[1]] * 3, "trainer_state": object(), "study_id": ["a"] * 3}
        assert f1(completions=form, report=REFERENCES, **given) == expected
    assert f1.__name__ == "rouge_l"
    several = [[text, "Another reference."] for text in REFERENCES]
    assert f1(COMPLETIONS, report=several)[0] == pytest.approx(expected[0], abs=0.2)
    assert f1([], report=[]) == []


def test_errors_are_rewards_below_zero() -> None:
    assert rrgbench.reward(plugged("lower"))(["a b", "c"], REFERENCES[:2]) == [-2.0, -1.0]
    assert rrgbench.reward(plugged("higher"))(["a b", "c"], REFERENCES[:2]) == [2.0, 1.0]
    assert rrgbench.reward(plugged("higher", ("one", "two")), key="two")(["a b"], ["c"]) == [2.0]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: rrgbench.reward("ce"), "ce_precision, ce_recall, ce_f1"),
        (lambda: rrgbench.reward(plugged("higher", ("one", "two"))), "one, two"),
        (lambda: rrgbench.reward("cider"), "would change with its batch"),
        (lambda: rrgbench.reward("rouge_l")(COMPLETIONS, report=REFERENCES), "no column 'references'.*it has report"),
        (lambda: rrgbench.reward("rouge_l")(COMPLETIONS, REFERENCES[:2]), "3 completions but 2 references"),
        (lambda: rrgbench.reward("rouge_l")([[]], ["a"]), "neither a text nor"),
        (lambda: rrgbench.reward("rouge_l")([[{"role": "assistant"}]], ["a"]), "neither a text nor"),
    ],
)
def test_what_a_reward_cannot_take_is_said(made, words: str) -> None:
    with pytest.raises(InputError, match=words):
        made()


def test_a_reference_that_is_no_text_is_named_by_its_row() -> None:
    with pytest.raises(InputError, match="no text or list of texts as reference of rows 1, 2"):
        rrgbench.reward("ce_f1", protocol="raw")(["No effusion."] * 3, references=["No effusion.", None, []])


def test_an_unknown_metric_has_no_reward() -> None:
    with pytest.raises(UnknownNameError, match="rouge_l"):
        rrgbench.reward("rouge")


def test_cider_is_a_reward_where_its_frequencies_are_fixed() -> None:
    cider = rrgbench.reward("cider", "rgrg", frequency_reports=[*REFERENCES, "Clear lungs.", "The heart is normal."])
    whole = cider(COMPLETIONS, REFERENCES)
    assert whole[:1] == cider(COMPLETIONS[:1], REFERENCES[:1])
    assert whole[0] > 0


def test_threads_get_the_values_that_one_gets() -> None:
    f1 = rrgbench.reward("meteor")
    batches = [[f"{text} number {batch}" for text in COMPLETIONS] for batch in range(12)]
    expected = [f1(batch, REFERENCES) for batch in batches]
    found: dict[int, list[float]] = {}
    threads = [
        threading.Thread(target=lambda at=at: found.update({at: f1(batches[at], REFERENCES)})) for at in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[at] for at in range(12)] == expected


def test_the_example_trains_a_policy_with_it() -> None:
    path = Path(__file__).resolve().parents[2] / "examples" / "train_with_reward.py"
    spec = importlib.util.spec_from_file_location("train_with_reward", path)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    found = example.train(steps=30)
    assert np.mean(found[:3]) < 0.4
    assert np.mean(found[-3:]) > 0.8
