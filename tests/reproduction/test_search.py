from pathlib import Path

import pytest
from published import METRICS, PAIRS, TRAINING, printed_under, seeded

from rrgbench.reproduction.figures import Figure
from rrgbench.reproduction.search import search
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.report_files import pair_reports, read_reports

RIGHT = load_protocol("r2gen@2")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, ()),
        ({"cut": 0}, ("no cut instead of 59",)),
        ({"threshold": 2}, ("threshold 2 instead of 3",)),
        ({"threshold": 4}, ("threshold 4 instead of 3",)),
        ({"cut": 60}, ("cut 60 instead of 59",)),
        ({"cleaning": "lower"}, ("cleaning lower instead of r2gen-iu",)),
        ({"cleaning": "none", "cut": 0}, ("cleaning none instead of r2gen-iu", "no cut instead of 59")),
        ({"tokens": "alphabetic"}, ("words alphabetic instead of all",)),
        ({"cider_df": "train"}, ("CIDEr's document frequencies from train instead of test",)),
    ],
)
def test_a_wrong_protocol_is_found_and_named(wrong, named) -> None:
    found = search(PAIRS, printed_under(seeded(**wrong)), RIGHT, TRAINING)
    assert found.fits[0].differs_from(RIGHT) == named
    assert found.verdict == ("all digits fit with " + ", ".join(named) if named else "all digits fit under r2gen@2")


def test_where_nothing_fits_the_nearest_and_its_distance_are_told() -> None:
    printed = printed_under(seeded(cut=0))
    printed["bleu_1"] = Figure.of(f"{printed['bleu_1'].value + 0.0021:.6f}")
    found = search(PAIRS, printed, RIGHT, TRAINING)
    assert found.fits == ()
    assert found.nearest.misses > 1
    assert found.nearest.off == pytest.approx(0.0021, abs=2e-6)
    assert "the nearest, with no cut instead of 59, is 0.0021 away" in found.verdict


def test_without_training_reports_only_cuts_are_tried() -> None:
    bare = RIGHT.model_copy(update={"vocabulary": None})
    found = search(PAIRS, printed_under(seeded(threshold=0, cut=58), ("bleu_1", "bleu_2")), bare)
    assert found.fits[0].differs_from(bare) == ("cut 58 instead of 0",)


def test_mean_sentence_bleu_is_searched_with_its_smoothing() -> None:
    right = load_protocol("rexrank@2")
    wrong = right.model_copy(update={"smoothing": 0.0, "cleaning": "lower"})
    found = search(PAIRS, printed_under(wrong, ("bleu_2_mean", "bleu_4_mean")), right)
    assert set(found.fits[0].differs_from(right)) >= {"cleaning lower instead of lower-split-blanks"}
    assert found.nearest.misses == 0


@pytest.mark.parametrize(("text", "value", "misses"), [(".17", 0.1749, 0), (".17", 0.1651, 0), (".170", 0.172, 2)])
def test_a_figure_fits_what_rounds_to_it(text, value, misses) -> None:
    assert Figure.of(text).misses(value) == pytest.approx(misses)
    assert Figure.of(text).fits(value) == (misses == 0)


def test_published_outputs_are_found_from_the_plainest_protocol(shared: Path) -> None:
    annotation = shared / "iu_xray" / "annotation.json"
    outputs = read_reports(shared / "published_outputs" / "cvt2distilgpt2_iu.csv")
    pairs = pair_reports(read_reports(annotation, "references"), outputs)
    training = [texts[0] for texts in read_reports(annotation, "training").texts.values()]
    printed = {
        key: Figure.of(text) for key, text in {"bleu_1": ".473413", "bleu_4": ".175243", "cider": ".694108"}.items()
    }
    found = search(pairs, printed, load_protocol("dcrrg"), training)
    assert found.verdict == "all digits fit with threshold 3 instead of 0, cut 59 instead of 0"
    assert set(METRICS) > set(printed)
