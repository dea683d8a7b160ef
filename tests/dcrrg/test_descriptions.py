"""Descriptions of observations: which sentences, what is written of sets, and that together they are the report."""

from itertools import chain

import torch
from hypothesis import given
from hypothesis import strategies as st

from dcrrg.configuration import load_preset
from dcrrg.model import NOT_MENTIONED, OBSERVATION_STARTS
from dcrrg.step3 import (
    NO_FINDING,
    DescriptionItems,
    DescriptionRow,
    Descriptions,
    described_sentences,
    description,
    description_rows,
    observation_sets,
)
from dcrrg.training import new_model
from rrgbench.data.phantom import load
from rrgbench.labelers import RulesLabeler
from rrgbench.observations import OBSERVATIONS, observation_index

REPORT = (
    "portable film . the heart is enlarged . no effusion or pneumothorax . the lungs are clear . "
    "the aorta is tortuous ."
)
EFFUSION, PNEUMOTHORAX, CARDIOMEGALY = (
    observation_index(name) for name in ("Pleural Effusion", "Pneumothorax", "Cardiomegaly")
)


def words(text, add_special_tokens):
    return {"input_ids": [100 + ord(word[0]) for word in text.split()]}


class Tokenizer:
    """Observations start with the tokens 10 to 23, 9 says that one is not mentioned, 1 ends a row."""

    eos_token_id = 1
    __call__ = staticmethod(words)

    def convert_tokens_to_ids(self, tokens):
        return 9 if tokens == NOT_MENTIONED else [10 + OBSERVATION_STARTS.index(token) for token in tokens]


def described(report, no_finding="normality", sets=0, most=60, unmentioned="token"):
    return description_rows([report], Tokenizer(), most, 0, no_finding, sets, unmentioned)[0]


def rows(*arguments, **options):
    return [row.tokens for row in described(*arguments, **options)]


def test_no_finding_is_described_by_normality_or_by_the_rest():
    told = described_sentences(REPORT, "normality")
    assert description(told, [NO_FINDING]) == ["the lungs are clear ."]
    assert description(told, [EFFUSION]) == description(told, [PNEUMOTHORAX]) == ["no effusion or pneumothorax ."]
    rest = described_sentences(REPORT, "rest")
    assert description(rest, [NO_FINDING]) == ["portable film .", "the lungs are clear .", "the aorta is tortuous ."]
    assert description(rest, [CARDIOMEGALY]) == ["the heart is enlarged ."]


def test_normality_is_what_the_labeler_gives():
    for study in load(train=40).split("train"):
        told = described_sentences(study.report, "normality")
        joined = [" ".join(description(told, [column])) or None for column in range(len(OBSERVATIONS))]
        assert tuple(joined) == RulesLabeler().descriptions(study.report)


def test_with_the_rest_the_descriptions_together_are_the_report():
    for study in load(train=60).split("train"):
        told = described_sentences(study.report, "rest")
        assert description(told, range(len(OBSERVATIONS))) == [sentence for sentence, _ in told]
        assert " ".join(sentence for sentence, _ in told) == " ".join(study.report.split())


def test_rows_are_start_description_end():
    single = rows("the heart is enlarged .")
    assert single[CARDIOMEGALY] == [10 + CARDIOMEGALY, *words("the heart is enlarged .", False)["input_ids"], 1]
    assert single[EFFUSION] == [10 + EFFUSION, 9, 1]
    assert len(single) == len(OBSERVATIONS)
    cut = rows("the heart is enlarged .", most=3)[CARDIOMEGALY]
    assert cut == [10 + CARDIOMEGALY, *words("the heart", False)["input_ids"], 1]


def test_a_set_is_described_in_the_reports_order():
    tokens = [words(sentence, False)["input_ids"] for sentence, _ in described_sentences(REPORT, "rest")]
    for row in rows(REPORT, "rest", sets=20)[len(OBSERVATIONS) :]:
        asked = {start - 10 for start in row if 10 <= start < 24}
        assert 2 <= len(asked) <= len(OBSERVATIONS)
        told = [
            some
            for some, (_, described) in zip(tokens, described_sentences(REPORT, "rest"), strict=True)
            if asked & set(described)
        ]
        assert row[len(asked) :] == [*(list(chain.from_iterable(told)) or [9]), 1]


def test_rows_know_what_they_describe():
    for row in described(REPORT, "rest", sets=20):
        assert list(row.observations) == [start - 10 for start in row.tokens if 10 <= start < 24]


def test_what_is_not_mentioned_is_a_token_or_is_left_out():
    every, said = described(REPORT, sets=20), described(REPORT, sets=20, unmentioned="omitted")
    assert said == [row for row in every if 9 not in row.tokens]
    assert {row.observations for row in said if len(row.observations) == 1} == {
        (column,) for column in (NO_FINDING, EFFUSION, PNEUMOTHORAX, CARDIOMEGALY)
    }


def items(memory="all"):
    """Two modalities of one study, each representation its own number."""
    memories = [torch.arange(14.0).reshape(1, 14, 1), torch.arange(100.0, 114.0).reshape(1, 14, 1)]
    described_rows = [DescriptionRow((3,), [13, 9, 1]), DescriptionRow((5, 2), [15, 12, 9, 1])]
    return DescriptionItems(memories, [described_rows], memory)


def test_every_row_is_an_item_of_each_modality():
    found = [(float(item["memory"][0, 0]), item["row"]) for item in items()]
    assert found == [(start, row) for start in (0.0, 100.0) for row in ([13, 9, 1], [15, 12, 9, 1])]
    assert all("shown" not in item for item in items())


def test_of_prompted_memory_the_decoder_is_shown_what_it_describes():
    single, double, *_ = items("prompted")
    assert single["shown"].tolist() == [3] * 14
    assert double["shown"].tolist() == [5, 2] * 7


def test_a_representation_shown_in_all_places_is_read_as_one_alone():
    """One key, however often it stands there, has all of the attention: the loss knows nothing of the other 13."""
    corpus = load(train=8)
    settings = load_preset("mini").model_copy(update={"min_word_count": 1})
    module = Descriptions(new_model(settings, [study.report for study in corpus.split("train")], 0)).eval()
    ids = torch.tensor([[module.starts[3], 5, 6]])
    targets, shown = torch.tensor([[5, 6, 1]]), torch.full((1, 14), 3)
    width = module.model.config.embedding_width
    memory, other = torch.randn(2, 1, 14, width)
    other[:, 3] = memory[:, 3]
    losses = [module(some, ids, targets, shown)["loss"] for some in (memory, other)]
    torch.testing.assert_close(*losses)
    assert module(memory, ids, targets)["loss"] != module(other, ids, targets)["loss"]


@given(st.integers(0, 20), st.integers(0, 4), st.integers(0, 99))
def test_sets_follow_from_the_seed(studies, count, seed):
    drawn = observation_sets(studies, count, seed)
    assert [len(study) for study in drawn] == [count] * studies
    again = observation_sets(studies, count, seed)
    for first, second in zip(chain(*drawn), chain(*again), strict=True):
        assert first.tolist() == second.tolist()
        assert len(set(first.tolist())) == len(first) >= 2
