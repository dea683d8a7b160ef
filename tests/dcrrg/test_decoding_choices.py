"""What steps 3 and 4 read: the defaults, what a configuration from before says, and stages that are shared over it."""

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
import torch

from dcrrg import DcrrgConfig, step3_all
from dcrrg.composition import asserted
from dcrrg.configuration import load_preset
from dcrrg.frozen import encoded, frozen_memories
from dcrrg.model import DcrrgModel
from dcrrg.step3 import Descriptions, rows_of
from dcrrg.step3_all import CollateStudies, StudyDescriptions, TrainedDescriptions
from dcrrg.thresholds import set_thresholds
from dcrrg.training import DcrrgOptions, new_model, recipes
from dcrrg.variants import SETS
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.observations import observation_index
from rrgbench.training.data import Sources
from rrgbench.training.items import Collate
from rrgbench.training.trainers import Request


@pytest.fixture(scope="module")
def corpus():
    return load(train=6, validate=2, test=2, retrieval=2)


def test_a_description_is_written_from_its_own_representation_with_alibis_slopes():
    for name in ("mini", "ablation", "equal", "reference", "small", "paper"):
        config = load_preset(name).config
        assert (config.description_memory, config.distance_slopes) == ("prompted", "published"), name
    assert DcrrgConfig(decoder_distance=True).slopes == (1 / 4, 1 / 16, 1 / 64, 1 / 256)
    assert DcrrgConfig().slopes is None
    with pytest.raises(InputError, match="distance_slopes of a DCRRG model is 'steep'"):
        DcrrgConfig(distance_slopes="steep")


def test_what_ships_is_as_its_weights_were_trained():
    for name, preset in {**dict.fromkeys(SETS["table5"], "reference"), "6d-decisions": "decisions"}.items():
        shipped, config = DcrrgConfig.from_pretrained(files("dcrrg") / "checkpoints" / name), load_preset(preset).config
        for choice in ("description_memory", "distance_slopes", "decoder_memory", "tuning"):
            assert getattr(shipped, choice) == getattr(config, choice)
    assert load_preset("tiny-0.1").heads is None, "the recipe of what shipped before 0.2.0 can still be called"
    assert load_preset("reference").heads is not None


def test_a_configuration_from_before_the_choices_means_what_it_meant(tmp_path):
    """All 14 representations and slopes from one: its weights were trained with them."""
    DcrrgConfig(decoder_distance=True, vocabulary=40, pad_token_id=0).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert (saved.pop("description_memory"), saved.pop("distance_slopes")) == ("prompted", "published"), "always said"
    (tmp_path / "config.json").write_text(json.dumps(saved))
    old = DcrrgConfig.from_pretrained(tmp_path)
    assert (old.description_memory, old.slopes) == ("all", (1, 1 / 4, 1 / 16, 1 / 64))
    assert DcrrgModel(old).decoder.slopes == old.slopes
    old.save_pretrained(tmp_path / "again")
    assert DcrrgConfig.from_pretrained(tmp_path / "again").slopes == old.slopes


def test_what_only_the_decoder_reads_leaves_steps_1_and_2_shared(corpus, tmp_path):
    def folders(text):
        path = tmp_path / "mine.yaml"
        path.write_text(f"extends: mini\n{text}\n")
        return recipes(Request(corpus, tmp_path, str(path)), DcrrgOptions())[0].folders

    base = folders("model: {}")
    for other in ("model: {description_memory: all}", "model: {distance_slopes: from_one}", "step3_trains: all"):
        found = folders(other)
        assert found[:3] == base[:3], other
        assert not set(found[3:]) & set(base[3:]), other
    assert not set(folders("model: {decoder_heads: 2}")) & set(base)


def test_a_shared_stages_model_takes_over_how_the_decoder_reads():
    model = DcrrgModel(DcrrgConfig(decoder_distance=True, vocabulary=40, pad_token_id=0))
    other = DcrrgConfig(decoder_distance=True, distance_slopes="from_one", description_memory="all", tuning="full")
    model.decode_as(other)
    assert model.decoder.slopes == other.slopes
    assert (model.config.description_memory, model.config.tuning) == ("all", "full")


@pytest.fixture(scope="module")
def whole(corpus):
    """Preset, sources and an untrained model whose step 3 trains everything."""
    found = load_preset("mini")
    preset = found.model_copy(
        update={
            "model": {**found.model, "image_size": 32},
            "min_word_count": 1,
            "step3_trains": "all",
            "augment": False,
        }
    )
    sources = Sources(corpus, 32)
    return preset, sources, new_model(preset, sources.data.reports.reports, 0).eval()


def test_with_all_modules_trained_the_loss_is_that_of_the_frozen_encoders_answers(whole):
    preset, sources, model = whole
    work = step3_all.stage(preset, sources, 0).work(model)
    assert isinstance(work.items, StudyDescriptions)
    batch = work.collate([work.items[index] for index in (4, 1)])
    found = float(TrainedDescriptions(model).eval()(**batch)["loss"].detach())
    rows = [row for study in (4, 1) for row in work.items.rows[study]]
    assert len(rows) == 2 * (14 + preset.description_sets)
    with torch.inference_mode():
        films = torch.stack([torch.from_numpy(sources.data.films.films[index]) for index in (4, 1)])
        texts = model.text_observations(*model.encode_texts([sources.data.reports.reports[index] for index in (4, 1)]))
        each = len(rows) // 2
        memory = torch.cat([model.image_observations(films), texts]).repeat_interleave(each, dim=0)
        plain = Collate.of(model)([{"row": row.tokens} for row in rows * 2])
        shown = torch.tensor([[row.observations[i % len(row.observations)] for i in range(14)] for row in rows * 2])
        expected = float(Descriptions(model)(memory, **plain, shown=shown)["loss"])
    assert found == pytest.approx(expected, rel=1e-4)


def test_with_all_modules_trained_the_encoders_get_a_gradient(whole):
    preset, sources, model = whole
    stage = step3_all.stage(preset, sources, 0)
    assert stage.settings.batch_size == round(128 / 36), "settings count descriptions"
    work = stage.work(model)
    assert isinstance(work.collate, CollateStudies)
    learner = stage.learner(model)
    module = learner.module.train()
    assert not any(part.training for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d))
    module(**work.collate([work.items[0]]))["loss"].backward()
    for part in learner.parts:
        assert any(p.grad is not None and bool(p.grad.any()) for p in part.parameters())


def test_a_study_without_a_description_is_left_out(whole):
    preset, sources, model = whole
    omitted = preset.model_copy(
        update={"unmentioned": "omitted", "description_sets": 0, "no_finding_description": "normality"}
    )
    data = sources.data
    silent = "pa and lateral views of the chest were obtained ."
    reports = [silent, *data.reports.reports[1:]]
    silenced = replace(data, reports=replace(data.reports, reports=reports))
    items = StudyDescriptions(silenced, rows_of(model, silenced, omitted, 0), False, 0)
    assert len(items) == len(reports) - 1
    assert items[0]["report"] == reports[1]
    assert torch.equal(torch.as_tensor(items[0]["films"]), torch.as_tensor(items.films.film(1, 1)))
    assert set(CollateStudies(Collate.of(model), show=True)([items[0]])["owner"].tolist()) == {0}


@pytest.mark.parametrize("memory", ["decisions", "both"])
def test_decoders_learn_with_what_the_report_says_whatever_the_film_was_decided_to_have(whole, memory):
    preset, sources, _ = whole
    chosen = preset.model_copy(update={"model": {**preset.model, "decoder_memory": memory}})
    model = new_model(chosen, sources.data.reports.reports, 0).eval()
    model.config.decision_thresholds = [0.0] * 14
    films, reports = frozen_memories(model, sources.data)
    said = torch.from_numpy(asserted(sources.data.reports.labels)).float()
    assert torch.equal(films[..., -1], said)
    assert torch.equal(reports[..., -1], said)
    seen = model.image_memory(torch.from_numpy(sources.data.films.films[:6]))
    assert not torch.equal(seen[..., -1], said)
    torch.testing.assert_close(films[..., :-1], seen[..., :-1])


def test_an_uncertain_finding_of_a_film_counts_as_there_for_its_threshold(whole):
    preset, sources, _ = whole
    model = new_model(preset, sources.data.reports.reports, 0).eval()
    films = sources.data.films
    edema = observation_index("Edema")
    labels = np.zeros_like(films.labels)
    labels[:2, edema], labels[2, edema] = 1, -1
    scores = encoded(lambda part: model.observation_log_odds(torch.from_numpy(part)), films.films).double().numpy()
    set_thresholds(model, scores, replace(films, labels=labels))
    assert (scores[:, edema] >= float(model.config.decision_thresholds[edema])).sum() == 3
