"""The four steps on a handful of phantom studies: what is frozen, resume after a kill, unpaired corpora."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
import yaml
from markdown_it import MarkdownIt
from safetensors.torch import load_file

from dcrrg.card import write_model_card
from dcrrg.configuration import load_preset
from dcrrg.model import DcrrgModel
from dcrrg.training import train
from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.training.trainers import Request

STAGE_ORDER = ("step1-text", "step1-image", "step2", "step3", "step4", "heads")


@pytest.fixture(scope="module")
def corpus():
    return load(train=12, validate=4, test=6, retrieval=8)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The reference preset cut to a few batches."""
    settings = load_preset("reference").model_dump(mode="json")
    for stage in ("step1_image", "step1_text", "step2", "step3", "step4", "heads"):
        settings[stage].update(epochs=2, batch_size=6)
    settings["min_word_count"] = 1
    settings["storage"] = "float32"
    path = tmp_path_factory.mktemp("preset") / "few.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.fixture(scope="module")
def trained(corpus, preset, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    train(Request(corpus, out, preset, seeds=[3]))
    return out


def stage_folder(out, stage):
    """The folder of a stage, whatever its digest."""
    (found,) = (path for path in (out / "stages").glob(f"{stage}-*") if path.is_dir())
    return found


def weights(folder):
    return load_file(folder / "model.safetensors")


def changed(before, after):
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_each_step_trains_its_own_parts_only(trained):
    stages = {name: weights(stage_folder(trained, name) / "model") for name in
              ("step1-image", "step1-text", "step2", "step3", "step4", "heads")}  # fmt: skip
    assert changed(stages["step1-text"], stages["step1-image"]) == {"image_encoder", "image_projection", "image_head"}
    assert changed(stages["step1-image"], stages["step2"]) == {
        "image_encoder", "image_projection", "text_encoder", "text_projection", "log_temperature"
    }  # fmt: skip
    assert changed(stages["step2"], stages["step3"]) == {"decoder", "description_head"}
    assert changed(stages["step3"], stages["step4"]) == {"prompts", "report_head"}
    assert changed(stages["step4"], stages["heads"]) == {"image_head", "text_head"}
    record = json.loads((trained / "training.json").read_text())
    assert [stage["folder"] for stage in record["stages"]] == [stage_folder(trained, name).name for name in STAGE_ORDER]
    report = json.loads((stage_folder(trained, "step4") / "stage.json").read_text())
    assert 0.001 < report["trainable_share"] < 0.1
    assert record["stages"][-2] == {"folder": stage_folder(trained, "step4").name, **report}


@pytest.mark.equal_weights
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(corpus, preset, trained, tmp_path):
    class KilledError(Exception):
        pass

    def kill(stage, done, total, note=""):
        if stage == "step1-image" and done == total - 1:
            raise KilledError

    with pytest.raises(KilledError):
        train(Request(corpus, tmp_path, preset, seeds=[3], progress=kill))
    assert list(stage_folder(tmp_path, "step1-image").glob("checkpoint-*")), "an epoch was finished and kept"
    assert "loss" not in json.loads((tmp_path / "training.json").read_text())["stages"][0], "it is not finished"
    seen = []

    def see(what, done, total, note=""):
        seen.append((what, done, total, note))

    train(Request(corpus, tmp_path, preset, seeds=[3], progress=see))
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


def test_the_model_card_shows_any_name_as_text(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "copy")
    training = json.loads((folder / "training.json").read_text())
    odd = "<x> a|b `c` \x1b[31m"
    (folder / "training.json").write_text(json.dumps({**training, "corpus": odd, "command": odd}))
    write_model_card(folder)
    card = (folder / "README.md").read_text()
    page = MarkdownIt("commonmark").enable("table").render(card)
    assert "<x>" not in page
    assert page.count("&lt;x&gt; a|b") == 3
    assert "\x1b" not in card


def test_another_run_in_the_same_folder_is_refused(corpus, preset, trained):
    with pytest.raises(InputError, match="another seed"):
        train(Request(corpus, trained, preset, seeds=[4]))


def test_a_second_training_in_a_folder_says_so(corpus, preset, tmp_path):
    """While the first one trains, and not any more once it has ended."""
    said = []

    def second(what, done, total, note=""):
        if what == "step1-text" and not said:
            with pytest.raises(InputError, match=f"another training writes to {tmp_path}; wait for its end") as error:
                train(Request(corpus, tmp_path, preset))
            said.append(error)

    train(Request(corpus, tmp_path, preset, progress=second), step=1)
    assert said
    train(Request(corpus, tmp_path, preset), step=1)


def test_a_model_is_trained_step_by_step(corpus, preset, trained, tmp_path):
    request = Request(corpus, tmp_path, preset, seeds=[3])
    train(request, step=1)
    first = weights(tmp_path)
    train(request, step=3)
    assert changed(first, weights(tmp_path)) == {"decoder", "description_head"}
    # step 2 comes before step 3, which is then another one
    train(request, step=(2, 4))
    assert not changed(weights(trained), weights(tmp_path))
    assert len([path for path in (tmp_path / "stages").glob("step3-*") if path.is_dir()]) == 2
    seen = []
    train(Request(corpus, tmp_path, preset, seeds=[3], progress=lambda *step: seen.append(step)), step="all")
    assert seen == [], "a finished model reads and trains nothing"


def test_no_such_step(corpus, preset, tmp_path):
    for wrong in (5, "first", [1, 0]):
        with pytest.raises(InputError, match="is not a step; give 1, 2, 3, 4 or all"):
            train(Request(corpus, tmp_path, preset), step=wrong)
    assert not list(tmp_path.iterdir())


def test_unpaired_films_and_reports(corpus, preset, tmp_path):
    """Films without reports and reports without films: steps 3 and 4 see texts alone."""
    films = tuple(replace(study, report=None) for study in plain(corpus.studies))
    texts = tuple(
        replace(study, images=(), labels=None, study_id=f"t{study.study_id}", subject_id=f"t{study.subject_id}")
        for study in plain(corpus.studies)
    )
    unpaired = Corpus("mixed", "ab" * 8, films, text_studies=texts)
    train(Request(unpaired, tmp_path, preset))
    step3 = json.loads((stage_folder(tmp_path, "step3") / "stage.json").read_text())
    sets = load_preset("reference").description_sets
    assert step3["items"] == 12 * (14 + sets) * 2, "14 observations and some sets of them a report, two epochs"
    assert DcrrgModel.from_pretrained(tmp_path).config.vocabulary > 50


def plain(studies):
    """Studies as plain objects, whatever the corpus makes lazily."""
    from rrgbench.data.study import Study

    fields = ("study_id", "subject_id", "split", "images", "report", "sections", "labels", "labels_source")
    return [Study(**{field: getattr(study, field) for field in fields}) for study in studies]


def test_films_without_reports_cannot_train_it(corpus, preset, tmp_path):
    films = tuple(replace(study, report=None) for study in plain(corpus.studies))
    with pytest.raises(InputError, match="--reports"):
        train(Request(Corpus("films", "cd" * 8, films), tmp_path, preset))
