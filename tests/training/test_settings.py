"""Presets from packages and files, and presets that extend others."""

import pytest
from pydantic import ValidationError

import dcrrg.configuration
from dcrrg.configuration import load_preset
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.training.settings import StageOptions, StageSettings, deciding, preset_names

NONSENSE = (
    ("step4: {epochs: 0}", r"step4\.epochs: Input should be greater than 0 \(given: 0\)$"),
    ("step4: {epochs: .inf}", r"step4\.epochs: .*finite"),
    ("step3: {batch_size: -1}", r"step3\.batch_size: .*\(given: -1\)$"),
    ("step3: {batch_size: 2.5}", r"step3\.batch_size: .*integer"),
    ("step2: {learning_rate: .nan}", r"step2\.learning_rate: .*\(given: nan\)$"),
    ("step2: {learning_rate: fast}", r"step2\.learning_rate: .*number"),
    ("step2: {weight_decay: -1}", r"step2\.weight_decay: "),
    ("step2: {warmup: 1}", r"step2\.warmup: .*less than 1"),
    ("step2: {schedule: cosin}", r"step2\.schedule: .*'cosine'"),
    ("step2: {max_gradient: 0}", r"step2\.max_gradient: "),
    ("step2: {accumulate: 0}", r"step2\.accumulate: "),
    ("step2: {patience: 0}", r"step2\.patience: "),
    ("step2: {workers: -1}", r"step2\.workers: "),
    ("step2: {worker: 1}", r"step2\.worker: Extra inputs are not permitted"),
    ("min_word_count: 0", "min_word_count: "),
    ("model: {image_size: -5}", "image_size must be a whole number from 1 to 4096; given: -5"),
    ("model: {decoder_width: 97}", "decoder_width must be a multiple of decoder_heads, 4; given: 97"),
    ("model: {decoder_heads: 0}", "decoder_heads must be a whole number from 1"),
    ("model: {image_encoder: {kind: resnet, dephts: [1]}}", "image_encoder has no dephts; nearest: depths"),
    (
        "model: {text_encoder: {num_hiden_layers: 1}}",
        "text_encoder has no num_hiden_layers; nearest: num_hidden_layers",
    ),
    ("model: {decoder_width: true}", "decoder_width must be a whole number"),
    ("limit: 0", "limit: "),
    ("description_sets: -1", "description_sets: "),
)


def written(folder, text, name="mine.yaml"):
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_preset_that_extends_another_changes_what_it_says_and_nothing_else(tmp_path):
    mine = load_preset(
        written(tmp_path, "extends: tiny\nstep4: {epochs: 5}\nmodel: {text_encoder: {hidden_size: 64}}\n")
    )
    tiny = load_preset("tiny")
    assert mine.step4 == tiny.step4.model_copy(update={"epochs": 5.0})
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
        ("extends: mini\nlimit: 3\nlimit: 4\n", InputError, "limit stands twice"),
        ("extends: mini\nstep4: {epochs: 1, epochs: 2}\n", InputError, "epochs stands twice"),
        ("limit: [\n", InputError, "is not valid: while parsing"),
        *((f"extends: mini\n{wrong}\n", InputError, message) for wrong, message in NONSENSE),
    ],
)
def test_what_is_not_a_preset_is_refused(tmp_path, text, error, message):
    with pytest.raises(error, match=message) as found:
        load_preset(written(tmp_path, text))
    assert len(str(found.value).splitlines()) == 1


@pytest.mark.parametrize("wrong", [{"accumulate": 0}, {"patience": -1}, {"workers": -1}, {"epochs": 3}])
def test_options_for_every_stage_are_checked_like_a_presets(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        StageOptions(**wrong)


def test_what_decides_weights_leaves_workers_and_defaults_out():
    mini = load_preset("mini")
    assert deciding(StageOptions(workers=3).applied(mini)) == deciding(mini)
    assert deciding(StageOptions(accumulate=1).applied(mini)) == deciding(mini)
    assert deciding(StageOptions(accumulate=2).applied(mini))["step3"]["accumulate"] == 2


def test_every_preset_of_the_package_is_one():
    names = preset_names(dcrrg.configuration.PRESETS)
    sizes = {"equal", "mini", "paper", "small", "tiny"}
    assert {*sizes, "ablation", "decisions", "real", "reference", "tiny-0.1"} == set(names)
    ablation = load_preset("ablation")
    assert ablation.step4.epochs == ablation.step4_full.epochs, "tuned equally long, whether by prompts or whole"


def test_every_step_may_be_stopped_by_validation():
    """But in the recipe of version 0.1, and where `real` has too few validation films for it."""
    steps = ("step1_image", "step1_text", "step2", "step3", "step4", "step4_full")
    by_the_clock = {}
    for name in preset_names(dcrrg.configuration.PRESETS):
        stages = {step: getattr(load_preset(name), step) for step in steps}
        by_the_clock[name] = {step for step, settings in stages.items() if settings and settings.patience is None}
    assert {name: found for name, found in by_the_clock.items() if found} == {
        "tiny-0.1": set(steps),
        "real": {"step1_image", "step2", "step3"},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": "sgd", "betas": (0.9, 0.98)}, "optimizer sgd takes no betas"),
        ({"optimizer": "adamw", "amsgrad": True}, "optimizer adamw takes no amsgrad"),
        ({"optimizer": "adam", "momentum": 0.9}, "optimizer adam takes no momentum"),
        ({"stop_on": "cider"}, "needs a patience"),
    ],
)
def test_options_that_would_do_nothing_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        StageSettings(epochs=1, batch_size=1, learning_rate=1.0, **given)
