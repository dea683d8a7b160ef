"""Every trainable baseline goes the whole way: trained on a few studies, saved, loaded, evaluated."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from equations import model_class_of
from safetensors.torch import load_file

from baselines.common.settings import load_preset
from rrgbench.data.phantom import load
from rrgbench.data.unpaired import combine
from rrgbench.errors import InputError
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.models import WEIGHTS, FittedToCorpus, load_model
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite
from rrgbench.training.trainers import Request, load_trainer

CAPTIONERS = ("s&t", "adaatt", "topdown", "r2gen", "xpronet", "deltanet", "dcl", "m2tr", "ppked")
CONTRASTIVE = ("clip", "convirt", "gloria", "medclip", "phenotypeclip")


@pytest.fixture(scope="module")
def corpus():
    return load(train=8, validate=2, test=4, retrieval=300)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The mini preset with one epoch a stage and short reports."""
    settings = load_preset("mini").model_dump(mode="json")
    for stage in ("contrast", "report"):
        settings[stage].update(epochs=1, batch_size=4)
    for name in (*CAPTIONERS, *CONTRASTIVE):
        own = settings["systems"].setdefault(name, {"model": {}})
        own["model"]["max_report"] = 12
        own.pop("contrast", None)
        own.pop("report", None)
    # no more than this small training split holds
    settings["systems"]["ppked"]["model"]["retrieved"] = 3
    path = tmp_path_factory.mktemp("preset") / "one-epoch.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.mark.parametrize("name", [*CAPTIONERS, *CONTRASTIVE])
def test_trained_saved_loaded_and_evaluated(name, corpus, preset, tmp_path):
    (folder,) = load_trainer(name)(Request(corpus, tmp_path / "trained", preset, seeds=[1]))
    model = load_model(name, checkpoint=folder)
    suite = Suite(
        name="brief",
        trivial=(),
        replicates=20,
        tasks={
            "report_generation": {"limit": 3},
            "film_use": {},
            "retrieval": {"per_class": 2, "ks": (1, 2)},
            "classification": {"settings": ("own",), "limit": 3},
        },
    )
    run = evaluate(model, corpus, suite, tmp_path / "run")
    values = {(record.task, record.metric): record.value for record in run.records}
    assert 0 <= values["report_generation", "bleu_1"] <= 1
    assert values["film_use", "loss_own_film"] > 0
    if name in CONTRASTIVE:
        assert 0 <= values["retrieval", "precision_at_k"] <= 1
        retrieves_by_what_the_contrast_left(model, tmp_path / "trained")
    else:
        assert values["retrieval", "precision_at_k"] is None
    again = load_model(name, checkpoint=folder)
    found = again.identity_on(corpus) if isinstance(again, FittedToCorpus) else again.identity
    assert found == model.identity


def retrieves_by_what_the_contrast_left(model, folder):
    """Learning to write moves an image encoder, and neither the films' vectors nor the features that are probed."""
    (kept,) = folder.glob("stages/contrast-*/model")
    contrast = type(model.model).from_pretrained(kept)
    assert not contrast.config.keeps_aligned
    films = np.random.default_rng(0).integers(0, 256, (3, model.image_size, model.image_size)).astype(np.uint8)
    # weights are kept in half precision at the end of a training
    np.testing.assert_allclose(model.embed_images(films), contrast.embed_images(films), atol=2e-2)
    states = [one.state_dict() for one in (model.backbone, contrast.image_encoder, model.model.image_encoder)]
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name].half().float() if tensor.ndim > 1 else states[1][name]), name
    assert any(not torch.equal(tensor, states[2][name]) for name, tensor in states[0].items())
    start = build_image_encoder({"weights": str(folder)}, pretrained=True).state_dict()
    assert all(torch.equal(tensor, start[name]) for name, tensor in states[0].items())
    assert set(model.model.offers) == {*contrast.offers, "generate_reports", "report_losses"}


def test_a_model_of_one_encoder_is_read_as_it_was(small_model, batch, tmp_path):
    """Checkpoints of before the aligned encoder was kept have one for retrieval and reports."""
    model = small_model(model_class_of("clip"), writes_reports=True)
    assert model.backbone is model.image_encoder
    model.prepare(None)
    assert model.backbone is not model.image_encoder
    before = model.film_vectors(batch["films"])
    with torch.no_grad():
        for weight in model.image_encoder.parameters():
            weight.mul_(2)
    assert torch.equal(model.film_vectors(batch["films"]), before)
    assert not torch.equal(model.film_cells(batch["films"]), model.aligned_cells(batch["films"]))


@pytest.mark.equal_weights
@pytest.mark.parametrize("name", ["xpronet", "dcl", "m2tr", "clip"])
def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(name, corpus, preset, tmp_path):
    """Those that take something from the training data first, or keep something while they train."""

    class KilledError(Exception):
        pass

    def kill(stage, done, total, note=""):
        if stage == "report" and total == 4 and done == 3:
            raise KilledError

    settings = yaml.safe_load(Path(preset).read_text())
    settings["observations"] = {**settings["report"], "epochs": 1}
    settings["report"]["epochs"] = 2
    longer = tmp_path / "two-epochs.yaml"
    longer.write_text(yaml.safe_dump(settings))
    with pytest.raises(KilledError):
        load_trainer(name)(Request(corpus, tmp_path / "killed", str(longer), progress=kill))
    assert list((tmp_path / "killed").glob("stages/report-*/checkpoint-*")), "an epoch was finished and kept"
    (resumed,) = load_trainer(name)(Request(corpus, tmp_path / "killed", str(longer)))
    (unbroken,) = load_trainer(name)(Request(corpus, tmp_path / "unbroken", str(longer)))
    expected = load_file(unbroken / WEIGHTS)
    for key, tensor in load_file(resumed / WEIGHTS).items():
        assert torch.equal(tensor, expected[key]), key


def test_only_medclip_learns_without_pairs(preset, tmp_path):
    films, reports = load(train=8, validate=2, test=4, retrieval=4), load(train=6, validate=2, test=4, retrieval=4)
    unpaired = combine(films, reports)
    for name in (*CAPTIONERS, *CONTRASTIVE):
        if name != "medclip":
            with pytest.raises(InputError, match="unpaired"):
                load_trainer(name)(Request(unpaired, tmp_path / name, preset))
    (folder,) = load_trainer("medclip")(Request(unpaired, tmp_path / "medclip", preset))
    model = load_model("medclip", checkpoint=folder)
    assert hasattr(model, "embed_images")
    assert not hasattr(model, "generate_reports"), "its decoder has seen no report of a film"


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_the_contrast_moves_all_that_it_is_given(name, small_model, batch):
    """A parameter without a gradient would be carried along untrained, and stop a training in several processes."""
    model = small_model(model_class_of(name))
    model.contrast(**batch).backward()
    untouched = [key for key, value in model.named_parameters() if value.grad is None]
    assert {key.partition(".")[0] for key in untouched} == {"decoder", "report_head"}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "systems",
            {"r2gen": {"model": {"feed_foward": 64}}},
            "r2gen's model has no feed_foward; known: .*feed_forward",
        ),
        ("systems", {"r2gen": {"model": {"image_size": 64}}}, "r2gen's model has no image_size"),
        ("systems", {"r2gn": {}}, "systems has no r2gn; known: .*r2gen"),
        ("image_encoder", {"kind": "resnet", "dephts": [1, 1]}, "image_encoder has no dephts; nearest: depths"),
    ],
)
def test_a_misspelt_key_of_a_preset_is_refused(key, value, said, corpus, preset, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(Path(preset).read_text()), key: value}))
    with pytest.raises(InputError, match=said):
        load_trainer("r2gen")(Request(corpus, tmp_path / "out", str(path)))
