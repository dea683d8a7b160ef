"""Known-answer edits: what each kind makes of a sentence, and that harmless is harmless and harm is harm."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from rrgbench.data.loading import load_corpus
from rrgbench.labelers.rules import RulesLabeler
from rrgbench.trials.edits.draft import Draft, draft_of, draft_of_text
from rrgbench.trials.edits.edit import EDITS, GRADES, every_edit

LABELER = RulesLabeler()


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    corpora = [load_corpus(name, train=0, validate=0, test=60) for name in ("phantom", "phantom-followup")]
    return [draft_of(study) for corpus in corpora for study in corpus.studies if study.split == "test"]


def edited(name: str, text: str) -> list[str]:
    return EDITS.load(name).variants(draft_of_text("study", text))


SENTENCES = [
    # harmless
    ("paraphrase", "There is no pneumothorax.", "No pneumothorax is seen."),
    (
        "paraphrase",
        "No pleural effusion or pneumothorax is identified.",
        "There is no pleural effusion or pneumothorax.",
    ),
    ("paraphrase", "The heart is normal in size.", "Heart size is normal."),
    ("paraphrase", "Calcified granuloma.", None),
    ("abbreviation", "A right lower lobe opacity, without effusion.", "A RLL opacity, w/o effusion."),
    ("abbreviation", "Pneumothorax.", "PTX."),
    ("abbreviation", "Clear lungs.", None),
    ("sentence_order", "Clear lungs. No effusion.", "No effusion. Clear lungs."),
    ("sentence_order", "A left effusion is seen. This is new.", None),
    ("sentence_order", "1. Clear lungs. 2. No effusion.", None),
    ("sentence_order", "Clear lungs.", None),
    # negation, both ways
    ("negation_flipped", "There is no pneumothorax.", "There is a pneumothorax."),
    ("negation_flipped", "There is no evidence of focal consolidation.", "There is a focal consolidation."),
    ("negation_flipped", "There is no acute fracture.", "There is an acute fracture."),
    ("negation_flipped", "No pneumothorax or pleural effusion.", "Pneumothorax and pleural effusion are present."),
    ("negation_flipped", "No pulmonary edema is seen.", "Pulmonary edema is present."),
    ("negation_flipped", "The heart is normal in size.", "The heart is enlarged."),
    ("negation_flipped", "The heart is not enlarged.", "The heart is enlarged."),
    ("negation_flipped", "The heart is mildly enlarged.", "The heart is not enlarged."),
    ("negation_flipped", "There is a small left pleural effusion.", "There is no left pleural effusion."),
    ("negation_flipped", "Mild cardiomegaly.", "No cardiomegaly."),
    ("negation_flipped", "There is no effusion, but the heart is enlarged.", None),
    ("negation_flipped", "There is no opacity that would suggest pneumonia.", None),
    ("negation_flipped", "The trachea is midline.", None),
    # side
    ("side_swapped", "There is a small left pleural effusion.", "There is a small right pleural effusion."),
    ("side_swapped", "Right chest tube.", "Left chest tube."),
    ("side_swapped", "Possible nodule in the LEFT lung.", "Possible nodule in the RIGHT lung."),
    ("side_swapped", "A catheter ends in the right atrium.", None),
    ("side_swapped", "There are left and right effusions.", None),
    ("side_swapped", "Opacity in the right middle lobe.", None),
    ("side_swapped", "No left effusion.", None),
    # severity
    ("severity_changed", "There is a small left pleural effusion.", "There is a large left pleural effusion."),
    ("severity_changed", "Mild cardiomegaly.", "Severe cardiomegaly."),
    ("severity_changed", "The heart is markedly enlarged.", "The heart is mildly enlarged."),
    ("severity_changed", "There is a moderate to large effusion.", None),
    ("severity_changed", "No large effusion.", None),
    ("severity_changed", "Mild degenerative change of the spine.", None),
    # place
    ("place_changed", "Opacity in the right upper lobe.", "Opacity in the right lower lobe."),
    ("place_changed", "There is bibasilar atelectasis.", "There is biapical atelectasis."),
    ("place_changed", "Opacities in the right upper and left lower lobes.", None),
    ("place_changed", "No opacity in the right upper lobe.", None),
    # findings
    ("finding_dropped", "Clear lungs. There is a small left effusion.", "Clear lungs."),
    ("finding_dropped", "There is an effusion. This is new. No nodule.", None),
    ("finding_dropped", "There is an effusion. The left effusion is small.", None),
    ("finding_dropped", "There is an effusion and no pneumothorax. Clear lungs.", None),
    # comparison
    ("invented_comparison", "No effusion. Stable cardiomegaly.", None),
    # devices
    (
        "device_misplaced",
        "The endotracheal tube tip is approximately 4.5 cm above the carina.",
        "The endotracheal tube tip is in the right main bronchus.",
    ),
    ("device_misplaced", "Left PICC tip is in the lower SVC.", "Left PICC tip is in the azygos vein."),
    ("device_misplaced", "Enteric tube ends in the stomach.", "Enteric tube ends in the distal esophagus."),
    ("device_misplaced", "The stomach is distended.", None),
    # measurements
    ("measurement_changed", "There is a 5 mm nodule.", "There is a 15 mm nodule."),
    ("measurement_changed", "A mass measures 2.5 cm.", "A mass measures 7.5 cm."),
    ("measurement_changed", "A mass measures 2 x 3 cm.", None),
    ("measurement_changed", "There are 3 nodules.", None),
    # certainty, both ways
    ("certainty_changed", "There is a small effusion.", "There may be a small effusion."),
    ("certainty_changed", "An effusion is seen.", "An effusion is suspected."),
    ("certainty_changed", "Possible left effusion.", "Definite left effusion."),
    ("certainty_changed", "Opacity may represent pneumonia.", None),
    ("certainty_changed", "A small effusion cannot be excluded.", "A small effusion is present."),
    ("certainty_changed", "No effusion.", None),
    ("certainty_changed", "Improving left effusion.", None),
    ("invented_comparison", "Known rib fracture.", None),
    ("certainty_changed", "Correlate with history of fracture.", None),
    ("paraphrase", "Slightly enlarged heart.", "Mildly enlarged heart."),
    # the whole report
    ("normal_template", "Clear lungs. No effusion.", None),
]


@pytest.mark.parametrize(("name", "text", "expected"), SENTENCES, ids=lambda value: str(value)[:60])
def test_an_edit_of_a_sentence(name: str, text: str, expected: str | None) -> None:
    assert edited(name, text)[:1] == ([] if expected is None else [expected])


def test_edits_of_whole_reports() -> None:
    text = "The heart is enlarged. There is a small effusion."
    (template,) = edited("normal_template", text)
    assert template.startswith("The heart is normal in size.")
    assert edited("normal_template", text.lower()) == [template.lower()]
    compared = edited("invented_comparison", "Clear lungs. No effusion")
    assert re.fullmatch(r"Clear lungs\. No effusion\. Compared to the prior study, .*\.", compared[0])
    (invented, *_) = edited("finding_invented", "Clear lungs. No effusion.")
    assert invented.startswith("Clear lungs. No effusion. ")
    assert "ffusion" not in invented.removeprefix("Clear lungs. No effusion.")


def test_edits_depend_on_nothing_but_study_and_seed(drafts: list[Draft]) -> None:
    for edit in every_edit():
        assert [edit.variants(draft) for draft in drafts[:8]] == [edit.variants(draft) for draft in drafts[:8]]
    harmless = EDITS.load("sentence_order")
    assert [harmless.variants(draft, 1) for draft in drafts[:8]] != [harmless.variants(draft) for draft in drafts[:8]]


def test_the_draft_of_a_phantom_is_its_report(drafts: list[Draft]) -> None:
    for draft in drafts:
        assert " ".join(sentence.text for sentence in draft.sentences) == draft.text


@pytest.mark.parametrize("edit", every_edit(), ids=lambda edit: edit.name)
def test_an_edit_of_the_phantom_says_what_it_should(edit, drafts: list[Draft]) -> None:
    found = [(draft, edit.variants(draft)) for draft in drafts]
    texts = [(draft, text) for draft, variants in found for text in variants]
    assert len(texts) > (0 if edit.name == "measurement_changed" else 15)
    assert edit.reason.endswith(".")
    before = LABELER.label([draft.text for draft, _ in texts])
    after = LABELER.label([text for _, text in texts])
    same = (before == after).all(axis=1)
    if not edit.harmful:
        wrong = [f"{draft.text}\n{text}" for (draft, text), alike in zip(texts, same, strict=True) if not alike]
        assert wrong == []
        assert all(len(variants) <= 1 for _, variants in found)
    elif edit.name in ("negation_flipped", "finding_invented", "finding_dropped", "normal_template"):
        assert not same.any()
    elif edit.name not in ("certainty_changed", "device_misplaced"):
        # labels know nothing of sides, degrees, places, sizes and earlier films
        assert same.mean() > 0.95
    for draft, text in texts:
        assert text != draft.text
        assert re.search(r" {2}|\.\.|\bis are\b|\ba a\b|[{}]", text) is None, text


@pytest.mark.parametrize("edit", [edit for edit in every_edit() if edit.changes and edit.harmful], ids=lambda e: e.name)
def test_more_damage_holds_the_less(edit, drafts: list[Draft]) -> None:
    for draft in drafts:
        variants = edit.variants(draft)
        assert len(variants) <= GRADES
        for fewer, more in pairwise(variants):
            kept = Counter(fewer.split(". ")) - Counter(draft.text.split(". "))
            missing = kept - Counter(more.split(". "))
            assert sum(missing.values()) <= 1, (fewer, more)
            assert more != fewer


def test_only_the_side_is_swapped(drafts: list[Draft]) -> None:
    for draft in drafts:
        for text in EDITS.load("side_swapped").variants(draft)[:1]:
            one = re.sub(r"\b(left|right)\b", "SIDE", draft.text.replace("lingula", "right middle lobe"))
            other = re.sub(r"\b(left|right)\b", "SIDE", text.replace("lingula", "right middle lobe"))
            assert one == other


def test_real_reports_are_edited_where_it_is_unambiguous(shared) -> None:
    corpus = load_corpus("iu-xray", shared / "iu_xray", check_images=False)
    studies = [study for study in corpus.studies if study.split == "test" and study.report][:250]
    drafts = [draft_of(study) for study in studies]
    applied = {edit.name: sum(bool(edit.variants(draft)) for draft in drafts) for edit in every_edit()}
    least = {"device_misplaced": 1, "measurement_changed": 3, "severity_changed": 5}
    assert {name: count for name, count in applied.items() if count < least.get(name, 15)} == {}
    for name in ("paraphrase", "sentence_order", "formatting"):
        pairs = [(draft.text, text) for draft in drafts for text in EDITS.load(name).variants(draft)]
        before, after = (LABELER.label([pair[side] for pair in pairs]) for side in (0, 1))
        assert (before == after).all(), name
    for draft in drafts:
        for edit in every_edit():
            for text in edit.variants(draft):
                assert re.search(r"\b(?:is are|there are a|a a|an? an?|[Tt]here is are)\b", text) is None
