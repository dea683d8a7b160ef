"""The four steps on a handful of phantom studies: what is frozen, resume after a kill, unpaired corpora."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
import yaml
from safetensors.torch import load_file

from dcrrg.model import DcrrgModel
from dcrrg.preset import load_preset
from dcrrg.training import train
from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load
from rrgbench.errors import InputError


@pytest.fixture(scope="module")
def corpus():
    return load(train=24, validate=4, test=6, retrieval=8)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The tiny preset cut to a few batches."""
    settings = load_preset("tiny").model_dump(mode="json")
    for stage in ("step1_image", "step1_text", "step2", "step3", "step4"):
        settings[stage].update(epochs=2, batch_size=8)
    settings["min_word_count"] = 1
    settings["storage"] = "float32"
    path = tmp_path_factory.mktemp("preset") / "few.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.fixture(scope="module")
def trained(corpus, preset, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    train(corpus, preset=preset, out=out, seed=3)
    return out


def weights(folder):
    return load_file(folder / "model.safetensors")


def changed(before, after):
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_each_step_trains_its_own_parts_only(trained):
    stages = {name: weights(trained / "stages" / name / "model") for name in
              ("step1-image", "step1-text", "step2", "step3", "step4")}  # fmt: skip
    assert changed(stages["step1-text"], stages["step1-image"]) == {"image_encoder", "image_projection", "image_head"}
    assert changed(stages["step1-image"], stages["step2"]) == {
        "image_encoder", "image_projection", "text_encoder", "text_projection", "log_temperature"
    }  # fmt: skip
    assert changed(stages["step2"], stages["step3"]) == {"decoder", "description_head"}
    assert changed(stages["step3"], stages["step4"]) == {"prompts", "report_head"}
    report = json.loads((trained / "stages" / "step4" / "stage.json").read_text())
    assert 0.001 < report["trainable_share"] < 0.1


@pytest.mark.equal_weights
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(corpus, preset, trained, tmp_path):
    class KilledError(Exception):
        pass

    def kill(stage, done, total, note):
        if stage == "step1-image" and done == total - 1:
            raise KilledError

    with pytest.raises(KilledError):
        train(corpus, preset=preset, out=tmp_path, seed=3, progress=kill)
    assert list((tmp_path / "stages" / "step1-image").glob("checkpoint-*")), "an epoch was finished and kept"
    seen = []
    train(corpus, preset=preset, out=tmp_path, seed=3, progress=lambda *seen_now: seen.append(seen_now))
    assert not any(stage == "step1-text" for stage, *_ in seen), "a finished stage is not trained again"
    assert min(done for stage, done, total, _ in seen if stage == "step1-image" and total > 1) > 1, (
        "it went on from the kept epoch"
    )
    for name, tensor in weights(trained).items():
        assert torch.equal(tensor, weights(tmp_path)[name]), name


def test_the_model_card_states_command_data_and_seed(corpus, trained):
    card = (trained / "README.md").read_text()
    assert "rrgbench train --model dcrrg --corpus phantom --preset few.yaml --step all --seed 3" in card
    assert corpus.identity in card
    assert "Not measured yet" in card
    assert "no figure here says anything about patients" in card.lower()


def test_another_run_in_the_same_folder_is_refused(corpus, preset, trained):
    with pytest.raises(InputError, match="another seed"):
        train(corpus, preset=preset, out=trained, seed=4)


def test_a_later_step_starts_from_the_newest_earlier_one(corpus, preset, trained, tmp_path):
    shutil.copytree(trained / "stages" / "step1-image", tmp_path / "stages" / "step1-image")
    train(corpus, preset=preset, out=tmp_path, seed=3, steps=(3,))
    before, after = weights(trained / "stages" / "step1-image" / "model"), weights(tmp_path)
    assert changed(before, after) == {"decoder", "description_head"}


def test_a_step_is_not_put_before_one_that_was_trained_without_it(corpus, preset, trained, tmp_path):
    for stage in ("step1-image", "step3"):
        shutil.copytree(trained / "stages" / stage, tmp_path / "stages" / stage)
    with pytest.raises(InputError, match="step3 was trained without step2"):
        train(corpus, preset=preset, out=tmp_path, seed=3, steps=(2,))


def test_unpaired_films_and_reports(corpus, preset, tmp_path):
    """Films without reports and reports without films: steps 3 and 4 see texts alone."""
    films = tuple(replace(study, report=None) for study in plain(corpus.studies))
    texts = tuple(
        replace(study, images=(), labels=None, study_id=f"t{study.study_id}", subject_id=f"t{study.subject_id}")
        for study in plain(corpus.studies)
    )
    unpaired = Corpus("mixed", "ab" * 8, films, text_studies=texts)
    train(unpaired, preset=preset, out=tmp_path, seed=0)
    step3 = json.loads((tmp_path / "stages" / "step3" / "stage.json").read_text())
    sets = load_preset("tiny").description_sets
    assert step3["items"] == 24 * (14 + sets) * 2, "14 observations and some sets of them a report, two epochs"
    assert DcrrgModel.from_pretrained(tmp_path).config.vocabulary > 50


def plain(studies):
    """Studies as plain objects, whatever the corpus makes lazily."""
    from rrgbench.data.study import Study

    fields = ("study_id", "subject_id", "split", "images", "report", "sections", "labels", "labels_source")
    return [Study(**{field: getattr(study, field) for field in fields}) for study in studies]


def test_films_without_reports_cannot_train_it(corpus, preset, tmp_path):
    films = tuple(replace(study, report=None) for study in plain(corpus.studies))
    with pytest.raises(InputError, match="--reports"):
        train(Corpus("films", "cd" * 8, films), preset=preset, out=tmp_path)
