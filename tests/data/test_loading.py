"""Options of corpora by name: a switch is true or false, a number is one."""

import pytest

from rrgbench.cli.options.key_values import key_values
from rrgbench.data.loading import load_corpus
from rrgbench.errors import InputError

LINE = '{"study_id": "a", "subject_id": "a", "images": ["gone.png"], "report": "Clear."}\n'


@pytest.mark.parametrize("given", ["no", "off", "FALSE", "", "2", "0.5"])
def test_a_switch_that_is_neither_true_nor_false_is_refused_and_not_switched_on(tmp_path, given):
    (tmp_path / "studies.jsonl").write_text(LINE)
    with pytest.raises(InputError, match="skip_bad_images is true or false"):
        load_corpus("jsonl", tmp_path, **key_values([f"skip_bad_images={given}"]))


@pytest.mark.parametrize("given", ["False", "false", "0"])
def test_a_switch_that_is_off_is_off(tmp_path, given):
    (tmp_path / "studies.jsonl").write_text(LINE)
    with pytest.raises(InputError, match=r"gone\.png"):
        load_corpus("jsonl", tmp_path, **key_values([f"skip_bad_images={given}"]))
    skipped = load_corpus("jsonl", tmp_path, skip_bad_images=True)
    assert (skipped.name, len(skipped.studies)) == ("jsonl-skip1", 1)


@pytest.mark.parametrize("given", ["1.5", "true", "many", "nan"])
def test_a_number_that_is_none_is_refused(given):
    with pytest.raises(InputError, match="option test is a whole number"):
        load_corpus("phantom", **key_values([f"test={given}"]))


@pytest.mark.parametrize("given", ["abc", "true", "nan", "[1]"])
def test_a_share_that_is_no_number_is_refused(given, tmp_path):
    with pytest.raises(InputError, match="option validate_fraction is a number"):
        load_corpus("nih-cxr14", tmp_path, **key_values([f"validate_fraction={given}"]))


def test_names_and_folders_may_be_digits(tmp_path):
    (tmp_path / "studies.jsonl").write_text(LINE)
    assert load_corpus("jsonl", tmp_path, **key_values(["name=2024", "check_images=false"])).name == "2024"
    with pytest.raises(InputError, match=r"the root|2024"):
        load_corpus("mimic-cxr", tmp_path, **key_values(["reports_folder=2024"]))
