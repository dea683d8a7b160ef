"""Variants: what each changes, which stages they share, what extra films do, resume of a set."""

import json
import re
import shutil
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock
from safetensors.torch import load_file

from dcrrg.model import DcrrgModel
from dcrrg.preset import PACKAGE, load_preset
from dcrrg.steps import FilmItems
from dcrrg.training import STAGES, Sources, train
from dcrrg.variant_training import identify_stages, train_variants
from dcrrg.variants import SETS, VARIANTS, chosen_variants, default_extra_corpus
from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load, load_b
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.data import FilmSource, JoinedFilms, gather_labelled_films
from rrgbench.training.settings import preset_names


@pytest.fixture(scope="module")
def corpus():
    return load(train=16, validate=4, test=6, retrieval=8)


@pytest.fixture(scope="module")
def extra():
    return load_b(train=16, validate=0, test=0)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The mini preset cut to a few batches."""
    settings = load_preset("mini").model_dump(mode="json")
    for stage in ("step1_image", "step1_text", "step2", "step3", "step4", "step4_full"):
        settings[stage].update(epochs=2, batch_size=8)
    settings.update(min_word_count=1, storage="float32", limit=12)
    path = tmp_path_factory.mktemp("preset") / "few.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.fixture(scope="module")
def trained(corpus, extra, preset, tmp_path_factory):
    """Four variants with one seed."""
    out = tmp_path_factory.mktemp("variants")
    train_variants(corpus, variants=["6", "6b", "7", "6d"], seeds=[1], out=out, preset=preset, extra=extra)
    return out


def weights(folder):
    return load_file(folder / "model.safetensors")


def stages_of(variant, corpus=None, extra=None, seed=0, preset="mini"):
    corpus = corpus or load(train=8, retrieval=0)
    settings = VARIANTS[variant].applied(load_preset(preset))
    sources = Sources(corpus, extra or load_b(train=8), 64, None, None, None)
    return {stage.name: stage.digest for stage in identify_stages(VARIANTS[variant], settings, sources, seed)}


def shared(first, second):
    """Names of the stages that two variants have in common."""
    first, second = stages_of(first), stages_of(second)
    return [name for name in first if first[name] == second.get(name)]


def test_the_table_is_the_papers():
    rows = {name: (v.steps, v.tuning, v.balance, v.extra) for name, v in VARIANTS.items()}
    assert rows["1"] == ((1, 4), "full", True, False)
    assert rows["2"] == ((2, 4), "full", True, False)
    assert rows["3"] == ((2, 3, 4), "prompt", True, False)
    assert rows["4"] == ((1, 3, 4), "prompt", True, False)
    assert rows["5"] == ((1, 2, 4), "full", True, False)
    assert rows["6"] == rows["6b"] == ((1, 2, 3, 4), "prompt", True, False)
    assert rows["7"] == ((1, 2, 3, 4), "full", True, False)
    assert rows["6a"][2:] == (False, False)
    assert rows["6c"][2:] == (False, True)
    assert rows["6d"][2:] == (True, True)
    assert all(v.tuning == "full" for v in VARIANTS.values() if 3 not in v.steps), "App. B: PT needs step 3"


def test_variants_share_the_stages_that_are_equal():
    everything = [name for stages in STAGES.values() for name in stages]
    assert shared("6", "6b") == everything
    assert shared("6", "7") == everything[:-1]
    assert shared("5", "6") == everything[:3]
    assert shared("1", "4") == everything[:2]
    assert shared("6b", "6d") == ["step1-text"], "extra films change nothing that is learned from reports"
    assert shared("6a", "6b") == []
    assert shared("2", "3") == ["step2"]
    assert shared("3", "6") == [], "without step 1 a later step is another one"


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"corpus": load(train=9, retrieval=0)}, {"extra": load_b(train=9)}, {"preset": "tiny"}],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_a_stage_is_part_of_its_identity(change):
    before, after = stages_of("6d"), stages_of("6d", **change)
    same = {name for name in before if before[name] == after[name]}
    assert same == ({"step1-text"} if "extra" in change else set())


def test_a_default_that_is_spelled_out_is_the_same_stage(tmp_path):
    settings = yaml.safe_load(json.dumps(load_preset("mini").model_dump(mode="json")))
    path = tmp_path / "spelled.yaml"
    path.write_text(yaml.safe_dump(settings))
    assert stages_of("6", preset=str(path)) == stages_of("6")


EVERY_STAGE = ["step1-text", "step1-image", "step2", "step3", "step4"]


@pytest.mark.parametrize(
    ("choice", "first"),
    [
        ("min_word_count: 2", "step1-text"),
        ("model: {prompt_length: 8}", "step1-text"),
        ("step1_text: {epochs: 9}", "step1-text"),
        ("balance: false", "step1-text"),
        ("augment: false", "step1-image"),
        ("step1_image: {learning_rate: 0.01}", "step1-image"),
        ("step2: {batch_size: 9}", "step2"),
        ("pairs: labels", "step2"),
        ("pairs: balanced", "step2"),
        ("step3: {patience: 2}", "step3"),
        ("unmentioned: omitted", "step3"),
        ("description_sets: 3", "step3"),
        ("no_finding_description: normality", "step3"),
        ("step4: {bf16: true}", "step4"),
        ("step4: {accumulate: 2}", "step4"),
    ],
)
def test_a_choice_decides_its_stage_and_all_that_follow(tmp_path, choice, first):
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: mini\n{choice}\n")
    before, after = stages_of("6a"), stages_of("6a", preset=str(path))
    if choice == "balance: false":
        before, after = stages_of("6b"), stages_of("6a")
    assert [name for name in EVERY_STAGE if before[name] != after[name]] == EVERY_STAGE[EVERY_STAGE.index(first) :]


def test_processes_decide_a_stage_and_workers_do_not(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: mini\nstep1_text: {workers: 2}\n")
    alone = stages_of("6")
    assert stages_of("6", preset=str(path)) == alone
    monkeypatch.setenv("WORLD_SIZE", "2")
    several = stages_of("6")
    assert all(several[name] != alone[name] for name in EVERY_STAGE)


def test_names_of_variants_and_sets():
    assert [v.name for v in chosen_variants(["table5"])] == ["6a", "6b", "6c", "6d"]
    assert [v.name for v in chosen_variants(["6", "table4"])] == ["6", "1", "2", "3", "4", "5", "7"]
    assert len(chosen_variants(["all"])) == 11 == len(SETS["all"])
    with pytest.raises(UnknownNameError, match=r"'6e'.*did you mean"):
        chosen_variants(["6e"])
    with pytest.raises(InputError, match="no variant is named"):
        chosen_variants([])


def test_every_preset_takes_every_variant():
    for name in preset_names(PACKAGE):
        preset = load_preset(name)
        for variant in VARIANTS.values():
            applied = variant.applied(preset)
            assert (applied.balance, applied.model["tuning"]) == (variant.balance, variant.tuning)
        assert "tuning" not in preset.model, "a preset itself stays as it was"


def test_a_set_trains_shared_stages_once(trained):
    names = [path.name.rpartition("-")[0] for path in (trained / "stages").iterdir() if path.is_dir()]
    assert sorted(names) == sorted(["step1-text", *["step1-image", "step2", "step3"] * 2, *["step4"] * 3])
    for name, tensor in weights(trained / "6" / "seed-1").items():
        assert torch.equal(tensor, weights(trained / "6b" / "seed-1")[name]), name


def test_full_tuning_tunes_image_encoder_and_decoder_and_prompt_tuning_neither(trained):
    records = {name: json.loads((trained / name / "seed-1" / "training.json").read_text()) for name in ("6", "7")}
    assert records["6"]["stages"][:-1] == records["7"]["stages"][:-1]
    start = weights(trained / "stages" / records["6"]["stages"][-2] / "model")

    def changed(variant):
        after = weights(trained / variant / "seed-1")
        return {name.split(".")[0] for name in start if not torch.equal(start[name], after[name])}

    assert changed("6") == {"prompts", "report_head"}
    assert changed("7") == {"image_encoder", "image_projection", "decoder", "report_head"}
    assert DcrrgModel.from_pretrained(trained / "6" / "seed-1").config.tuning == "prompt"
    assert DcrrgModel.from_pretrained(trained / "7" / "seed-1").config.tuning == "full"
    shares = {
        name: json.loads((trained / name / "seed-1" / "stages.json").read_text())[-1]["trainable_share"]
        for name in ("6", "7")
    }
    assert shares["6"] < 0.2 < 0.5 < shares["7"]
    card = (trained / "7" / "seed-1" / "README.md").read_text()
    shown = float(re.search(r"([0-9.]+) % trained in step 4", card)[1])
    assert shown == pytest.approx(shares["7"] * 100, abs=1.0), "the card counts the statistics of batch norms too"


@pytest.mark.equal_weights
def test_one_variant_by_itself_has_the_weights_of_the_set(corpus, preset, trained, tmp_path):
    train(corpus, preset=preset, out=tmp_path, seed=1, variant="7")
    for name, tensor in weights(trained / "7" / "seed-1").items():
        assert torch.equal(tensor, weights(tmp_path)[name]), name
    assert "--variant 7 --step all --seed 1 --limit 12" in (tmp_path / "README.md").read_text()


@pytest.mark.equal_weights
def test_a_killed_set_ends_with_the_weights_of_an_unbroken_one(corpus, preset, trained, tmp_path):
    class KilledError(Exception):
        pass

    def kill(stage, done, total, note):
        if stage == "6 seed 1 step3" and done == total - 1:
            raise KilledError

    with pytest.raises(KilledError):
        train_variants(corpus, variants=["6", "7"], seeds=[1], out=tmp_path, preset=preset, progress=kill)
    seen = set()

    def see(stage, done, total, note):
        seen.add(stage)

    train_variants(corpus, variants=["6", "7"], seeds=[1], out=tmp_path, preset=preset, progress=see)
    assert seen == {"reading films", "6 seed 1 step3", "6 seed 1 step4", "7 seed 1 step4"}
    for variant in ("6", "7"):
        for name, tensor in weights(trained / variant / "seed-1").items():
            assert torch.equal(tensor, weights(tmp_path / variant / "seed-1")[name]), (variant, name)
    seen.clear()
    train_variants(corpus, variants=["6", "7"], seeds=[1], out=tmp_path, preset=preset, progress=see)
    assert seen == set(), "a finished set reads and trains nothing"


def test_a_stage_that_another_run_trains_is_waited_for(corpus, preset, trained, tmp_path):
    """The lock of a stage is held: training waits; it is released with the stage finished: nothing is trained twice."""
    shutil.copytree(trained / "stages", tmp_path / "stages")
    (first,) = (tmp_path / "stages").glob("step1-text-*[!k]")
    finished = first.rename(tmp_path / "elsewhere")
    seen = set()
    options = {"variants": ["6"], "seeds": [1], "out": tmp_path, "preset": preset}
    with FileLock(first.with_name(f"{first.name}.lock")):
        thread = Thread(
            target=train_variants, args=(corpus,), kwargs=options | {"progress": lambda *step: seen.add(step[0])}
        )
        thread.start()
        thread.join(1.0)
        assert thread.is_alive()
        finished.rename(first)
    thread.join(60)
    assert not thread.is_alive()
    assert (tmp_path / "6" / "seed-1" / "stages.json").is_file()
    assert seen == set()


def test_a_set_made_otherwise_is_refused(corpus, extra, trained, preset):
    with pytest.raises(InputError, match="another limit, stages"):
        train_variants(corpus, variants=["6"], seeds=[1], out=trained, preset=preset, limit=8)


def test_extra_films_change_the_image_side_alone(trained):
    first, second = (
        json.loads((trained / name / "seed-1" / "training.json").read_text())["stages"] for name in ("6b", "6d")
    )
    assert first[0] == second[0]
    items = [
        json.loads((trained / "stages" / stages[1] / "stage.json").read_text())["items"] for stages in (first, second)
    ]
    assert items == [12 * 2, 24 * 2], "both corpora, each at most the limit"


def test_what_the_extra_corpus_does_not_label_counts_in_no_loss(extra):
    source = gather_labelled_films(extra, 32, limit=6)
    labelled = ("Cardiomegaly", "Edema")
    narrow = replace(source, labelled=labelled)
    items = FilmItems([source, narrow], balance=False, augment=False, seed=0)
    items.set_epoch(0)
    assert len(items) == 12
    columns = [OBSERVATIONS.index(name) for name in labelled]
    last = items[11]["weights"].numpy()
    assert set(np.flatnonzero(last)) <= set(columns)
    assert torch.equal(items[11]["films"], torch.from_numpy(source.films[5]).float())
    balanced = FilmItems([source, narrow], balance=True, augment=False, seed=0)
    assert not balanced.balanced[6:][:, [c for c in range(14) if c not in columns]].any()


def test_joined_films_are_the_films_one_after_the_other():
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 255, (n, 3, 3), dtype=np.uint8) for n in (2, 1, 4)]
    joined, whole = JoinedFilms(parts), np.concatenate(parts)
    assert len(joined) == 7
    assert all(np.array_equal(joined[row], whole[row]) for row in range(7))


def test_a_film_source_knows_what_it_may_learn_from():
    labels = np.array([[1, -1, *[0] * 12]], dtype=np.int8)
    known = FilmSource(np.zeros((1, 2, 2), np.uint8), labels, OBSERVATIONS[:3]).known
    assert known.tolist() == [[True, False, True, *[False] * 11]]


def test_the_phantom_has_a_default_extra_corpus_and_others_need_one(corpus, preset, tmp_path):
    assert default_extra_corpus(corpus).name == "phantom-b"
    other = Corpus("jsonl", "ab" * 8, corpus.studies)
    for wrong in (
        lambda: train(other, preset=preset, out=tmp_path / "a", variant="6d"),
        lambda: train_variants(other, variants=["table5"], seeds=[0], out=tmp_path / "b", preset=preset),
    ):
        with pytest.raises(InputError, match="--extra-corpus"):
            wrong()
    assert not list(tmp_path.iterdir()), "refused before anything is written"


def test_extra_films_for_a_variant_without_them_are_refused(corpus, extra, preset, tmp_path):
    with pytest.raises(InputError, match="variant 6b learns from no extra films"):
        train(corpus, preset=preset, out=tmp_path, variant="6b", extra=extra)
    with pytest.raises(InputError, match="none of the chosen variants"):
        train_variants(corpus, variants=["table4"], seeds=[0], out=tmp_path, preset=preset, extra=extra)


def test_extra_films_need_labels(tmp_path):
    from rrgbench.data.study import Study

    bare = Corpus("bare", "ab" * 8, [Study("s", "p", "train", (load(train=1).studies[0].images[0],))])
    with pytest.raises(InputError, match="no film of its training split has labels"):
        gather_labelled_films(bare, 32)
