"""Choices of protocols beyond cleaning: vocabulary, document frequencies, mean BLEU, alphabetic words."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rrgbench.errors import InputError
from rrgbench.labelers import load as load_labeler
from rrgbench.metrics.cider import Cider
from rrgbench.scoring.cleaning import cleaner
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import Protocol, load_protocol
from rrgbench.scoring.report_files import pair_reports, read_reports
from rrgbench.scoring.reports_in_memory import pair_in_memory
from rrgbench.scoring.score import score, score_pairs
from rrgbench.scoring.sensitivity import labeler_band
from rrgbench.scoring.texts import compared_texts, labelled_texts

TRAINING = ["Clear lungs. No effusion."] * 3 + ["Tiny nodule."]
OWN = Protocol(
    name="own", version=1, cleaning="r2gen-iu", vocabulary={"threshold": 3, "cut": 5}, labelled_text="cleaned"
)


def test_references_go_through_the_training_vocabulary_and_hypotheses_do_not() -> None:
    options = scoring(OWN, training_reports=TRAINING)
    text = "Clear lungs. Nodule. No effusion."
    assert compared_texts([[text]], [text], options) == (
        [["clear lungs . <unk> ."]],
        ["clear lungs . nodule . no effusion ."],
    )
    assert labelled_texts([text], [text], options)[0] == ["clear lungs . <unk> ."]
    found = score([text], [text], OWN, ["bleu_1", "ce"], False, training_reports=TRAINING)
    assert found["bleu_1"].value == pytest.approx(4 / 8)
    for key in found:
        assert f"|vocab:{options.vocabulary.identity}" in str(found[key].signature)


def test_without_training_reports_the_protocol_refuses_in_one_line_or_is_marked() -> None:
    with pytest.raises(InputError, match=r"own@1#.* vocabulary of the training reports.*--training-reports") as caught:
        score(["a"], ["a"], OWN, ["bleu_1"], False)
    assert "\n" not in str(caught.value)
    marked = score(["a b c d e f g"], ["a b c d e f g"], OWN, ["bleu_1"], False, allow=["vocabulary"])
    assert "|vocab:missing" in str(marked.signature)
    assert marked["bleu_1"].value == pytest.approx(1.0)
    # a cut needs no training
    cut = OWN.model_copy(update={"vocabulary": OWN.vocabulary.model_copy(update={"threshold": 0})})
    assert "vocab:0/5" in str(score(["a b c d e f g"], ["a"], cut, ["bleu_1"], False).signature)


def test_training_reports_come_from_a_file_and_from_the_training_split(tmp_path) -> None:
    path = tmp_path / "annotation.json"
    splits = {"train": [{"id": str(at), "report": text} for at, text in enumerate(TRAINING)]}
    path.write_text(json.dumps({**splits, "test": [{"id": "9", "report": "Other."}]}))
    from_file = scoring(OWN, training_reports=path)
    assert from_file.training_reports == tuple(TRAINING)
    assert from_file.digest == scoring(OWN, training_reports=TRAINING).digest != scoring(OWN).digest
    assert from_file.but(seed=3).vocabulary.identity == from_file.vocabulary.identity


def test_plain_choices_change_no_digest_and_others_do() -> None:
    plain = Protocol(name="mine", version=1, cleaning="none")
    assert not {"vocabulary", "cider_df", "bleu", "smoothing", "tokens"} & set(plain.choices)
    others = [{"cider_df": "train"}, {"bleu": "mean-sentence"}, {"tokens": "alphabetic"}, {"smoothing": 0.2}]
    assert len({plain.identity, OWN.identity, *(plain.model_copy(update=one).identity for one in others)}) == 6
    assert Protocol(name="mine", version=1, cleaning="none", averaging="example").averaging == "per-report"


def test_cider_takes_document_frequencies_from_other_reports() -> None:
    references, hypotheses = ["the heart is normal", "no effusion is seen"], ["the heart is large", "no effusion"]
    own = Cider().statistics([[one] for one in references], hypotheses)
    np.testing.assert_allclose(Cider(references).statistics([[one] for one in references], hypotheses), own)
    protocol = Protocol(name="own", version=1, cleaning="none", cider_df="train")
    given = score(references, hypotheses, protocol, ["cider", "bleu_1"], False, training_reports=references)
    assert given["cider"].value == pytest.approx(float(own.mean()))
    assert "|cider_df:train@" in str(given["cider"].signature)
    assert "cider_df" not in str(given["bleu_1"].signature)
    # words that the other reports never have weigh most
    rare = Cider(["x y z w", "the heart is normal"]).statistics([["the dog barks"]], ["the dog barks"])
    assert rare.tolist() == [[pytest.approx(7.5)]]
    assert "training_reports=" in score(references, hypotheses, protocol, ["cider"], False).absent["cider"]


def test_a_protocol_of_mean_sentence_bleu_has_it_in_place_of_the_corpuss() -> None:
    found = score(["a b c d", "x y"], ["a b c d", "x z"], "rexrank", None, False)
    assert [key for key in found if key.startswith("bleu")] == [f"bleu_{order}_mean" for order in range(1, 5)]
    assert found["bleu_2_mean"].value == pytest.approx((1 + 0.05**0.5) / 2)
    assert "|bleu:mean-sentence-0.1" in str(found["bleu_2_mean"].signature)
    assert "bleu_2_mean" not in score(["a b", "c"], ["a b", "c"], "dcrrg", None, False)
    assert score(["a b", "c d"], ["a b", "c d"], "raw", ["bleu_2_mean"])["bleu_2_mean"].low == 1.0


def test_rexrank_splits_at_blanks_alone() -> None:
    clean = cleaner("lower-split-blanks")
    assert clean("Clear  lungs.") == "clear lungs ."
    assert len(clean("Clear lungs\nNo effusion").split()) == 3
    for reference, expected in (("clear lungs\nno effusion", 0.5), ("clear lungs no effusion", 1.0)):
        found = score([reference, "a b"], ["clear lungs no effusion", "a b"], "rexrank", ["bleu_1_mean"], False)
        assert found.per_study["bleu_1_mean"].iloc[0] == pytest.approx(expected)


def test_alphabetic_words() -> None:
    clean = cleaner("r2gen-mimic", "alphabetic")
    assert clean("Heart, lungs are normal. A 12 mm nodule 2.5 cm.") == "lungs are normal . a num mm nodule cm ."
    assert cleaner("none", "alphabetic")("a 3 b-c d") == "a <NUM> d"


def test_published_outputs_of_cvt2distilgpt2_give_the_printed_figures(shared: Path) -> None:
    annotation = shared / "iu_xray" / "annotation.json"
    outputs = read_reports(shared / "published_outputs" / "cvt2distilgpt2_iu.csv")
    options = scoring("r2gen", training_reports=annotation, metrics=["nlg"], intervals=False, certificate=False)
    found = score_pairs(pair_reports(read_reports(annotation, "references"), outputs), options)
    printed = ["473413", "303623", "223991", "175243", "199906", "376114", "694108"]
    assert [f"{value.value:.6f}" for value in found.values()] == [f"0.{digits}" for digits in printed]


def test_published_scores_of_moerad_are_equal_on_every_report(shared: Path) -> None:
    folder = shared / "published_outputs"
    with (folder / "moerad_iu_scores.csv").open(newline="") as file:
        printed = {row["study_id"]: float(row["bleu_score"]) for row in csv.DictReader(file)}
    texts = {
        name: {key: one[0] for key, one in read_reports(folder / f"moerad_iu_{name}.csv").texts.items()}
        for name in ("references", "predictions")
    }
    pairs = pair_in_memory(texts["references"], texts["predictions"], ())
    options = scoring("rexrank", metrics=["bleu_2_mean"], intervals=False, certificate=False)
    found = score_pairs(pairs, options)
    ours = found.per_study["bleu_2_mean"]
    assert len(printed) > 200
    assert max(abs(ours[study] - value) for study, value in printed.items()) < 1e-12
    assert round(found["bleu_2_mean"].value, 5) == 0.27043
    assert load_protocol("rexrank").identity == "rexrank@2"


def test_the_labeler_band_spans_labelers_and_readings_of_uncertain(tmp_path) -> None:
    references = ["Possible edema. Cardiomegaly.", "No effusion.", "Probable pneumonia."]
    hypotheses = ["Edema. Cardiomegaly.", "No effusion.", "Clear lungs."]
    pairs = pair_in_memory(dict(zip("abc", references, strict=True)), dict(zip("abc", hypotheses, strict=True)), ())
    own = [scoring(labeler=name, metrics=["ce"], intervals=False) for name in ("rules@1", "rules@2")]
    band = labeler_band(pairs, ["rules@1", "rules@2"], scoring())
    assert [*band.table.scores] == [
        f"{name}/{reading}" for name in band.labelers for reading in ("positive", "negative", "ignored")
    ]
    assert band.value == score_pairs(pairs, own[0])["ce_f1"].value
    values = [one["ce_f1"].value for one in band.table.scores.values()]
    assert (band.cell.low, band.cell.high) == (min(values), max(values))
    assert min(values) < max(values)
    assert f"{min(values):.3f} to {max(values):.3f} over labelers {band.labelers[0]}" in band.text
    labels = tmp_path / "labels.csv"
    labels.write_text("study_id,Edema,Cardiomegaly\na,1,1\nb,,\nc,,\n")
    looked_up = labeler_band(pairs, [load_labeler("lookup", file=labels), "rules@2"])
    assert looked_up.value != band.value
    with pytest.raises(InputError, match="labelers that differ"):
        labeler_band(pairs, ["rules", "rules@4"])
