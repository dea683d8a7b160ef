"""Presets from packages and files, and presets that extend others."""

from dataclasses import replace

import pytest

import dcrrg.preset
from dcrrg.preset import load_preset
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.training.settings import preset_names


def written(folder, text, name="mine.yaml"):
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_preset_that_extends_another_changes_what_it_says_and_nothing_else(tmp_path):
    mine = load_preset(
        written(tmp_path, "extends: tiny\nstep4: {epochs: 5}\nmodel: {text_encoder: {hidden_size: 64}}\n")
    )
    tiny = load_preset("tiny")
    assert mine.step4 == replace(tiny.step4, epochs=5.0)
    text_encoder = {**tiny.model["text_encoder"], "hidden_size": 64}
    assert mine.model == {**tiny.model, "text_encoder": text_encoder}
    unchanged = {"model", "step4"}
    assert mine.model_dump(exclude=unchanged) == tiny.model_dump(exclude=unchanged)


def test_presets_extend_through_files_and_the_last_word_counts(tmp_path):
    first = written(tmp_path, "extends: mini\nlimit: 7\nbalance: false\n", "first.yaml")
    second = load_preset(written(tmp_path, f"extends: {first}\nlimit: null\n", "second.yaml"))
    assert (second.limit, second.balance, second.step2) == (None, False, load_preset("mini").step2)


def test_a_preset_may_not_extend_itself(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(f"extends: {second}\n")
    second.write_text(f"extends: {first}\n")
    with pytest.raises(InputError, match=r"extends itself: .*first\.yaml extends .*second\.yaml extends .*first\.yaml"):
        load_preset(str(first))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("extends: minni\n", UnknownNameError, "did you mean 'mini'"),
        ("extends: nowhere.yaml\n", InputError, r"no preset file at nowhere\.yaml"),
        ("extends: mini\nstep5: {epochs: 1}\n", InputError, "step5"),
        ("extends: mini\nmodel: {prompt_lenght: 3}\n", InputError, "prompt_lenght"),
        ("extends: mini\nmodel: {similarity_prompt: avg}\n", InputError, "expected one of each, mean, none"),
        ("- mini\n", InputError, "expected keys and values, found list"),
        ("", InputError, "expected keys and values, found NoneType"),
        ("limit: [\n", InputError, "is not valid: while parsing"),
    ],
)
def test_what_is_not_a_preset_is_refused(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        load_preset(written(tmp_path, text))


def test_every_preset_of_the_package_is_one():
    names = preset_names(dcrrg.preset.PACKAGE)
    assert {"ablation", "mini", "tiny", "small", "paper"} == set(names)
    ablation = load_preset("ablation")
    assert ablation.step4.epochs == ablation.step4_full.epochs, "tuned equally long, whether by prompts or whole"
