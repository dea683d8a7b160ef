"""Variants: what each changes, which stages they share, what extra films do, resume of a set."""

import json
import re
import shutil
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock
from safetensors.torch import load_file

from dcrrg import step2
from dcrrg.configuration import PRESETS, load_preset
from dcrrg.model import DcrrgModel
from dcrrg.step1 import FilmItems
from dcrrg.training import DcrrgOptions, recipes, train
from dcrrg.variants import ADDED, SETS, VARIANTS, Variant, chosen_variants, default_extra_corpus
from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load, load_b
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.data import FilmSource, JoinedFilms, Sources
from rrgbench.training.settings import preset_names
from rrgbench.training.trainers import Request


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
    train(Request(corpus, out, preset, seeds=[1]), variant=["6", "6b", "7", "6d"], extra_corpus=extra)
    return out


def weights(folder):
    return load_file(folder / "model.safetensors")


def stages_of(variant, corpus=None, extra=None, seed=0, preset="mini"):
    corpus = corpus or load(train=8, retrieval=0)
    given = {"extra_corpus": extra or load_b(train=8)} if VARIANTS[variant].extra else {}
    (recipe,) = recipes(Request(corpus, Path("nowhere"), preset, [seed]), DcrrgOptions(variant=variant, **given))
    return {stage.name: folder for stage, folder in zip(recipe.stages, recipe.folders, strict=True)}


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
    assert shared("6", "6b") == EVERY_STAGE
    assert shared("6", "7") == EVERY_STAGE[:4]
    assert shared("5", "6") == EVERY_STAGE[:3]
    assert shared("1", "4") == EVERY_STAGE[:2]
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
    same = {name for name in before if before[name] == after.get(name)}
    assert same == ({"step1-text"} if "extra" in change else set())


def test_a_default_that_is_spelled_out_is_the_same_stage(tmp_path):
    settings = yaml.safe_load(json.dumps(load_preset("mini").model_dump(mode="json")))
    path = tmp_path / "spelled.yaml"
    path.write_text(yaml.safe_dump(settings))
    assert stages_of("6", preset=str(path)) == stages_of("6")


EVERY_STAGE = ["step1-text", "step1-image", "step2", "step3", "step4", "heads"]


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
        ("step3: {patience: 1}", "step3"),
        ("unmentioned: omitted", "step3"),
        ("description_sets: 3", "step3"),
        ("no_finding_description: normality", "step3"),
        ("step4: {bf16: true}", "step4"),
        ("step4: {accumulate: 2}", "step4"),
        ("heads: {epochs: 3}", "heads"),
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


def test_a_step_2_kept_by_an_earlier_rule_is_not_taken_for_one_of_this(tmp_path, monkeypatch):
    """P@5 on the validation split keeps step 2's epoch; how it counts decides the weights where it is asked for."""
    path = tmp_path / "by-loss.yaml"
    path.write_text("extends: mini\nstep2: {stop_on: loss, floor: null}\n")
    asked = stages_of("6"), stages_of("6", preset=str(path))
    monkeypatch.setattr(step2, "PRECISION_VERSION", step2.PRECISION_VERSION + 1)
    counted, by_loss = stages_of("6"), stages_of("6", preset=str(path))
    later = [name for name in EVERY_STAGE if counted[name] != asked[0][name]]
    assert later == EVERY_STAGE[EVERY_STAGE.index("step2") :]
    assert by_loss == asked[1]


def test_names_of_variants_and_sets():
    assert [v.name for v in chosen_variants(["table5"])] == ["6a", "6b", "6c", "6d"]
    assert [v.name for v in chosen_variants(["6", "table4"])] == ["6", "1", "2", "3", "4", "5", "7"]
    assert len(chosen_variants(["all"])) == 11 == len(SETS["all"])
    with pytest.raises(UnknownNameError, match=r"'6e'.*did you mean"):
        chosen_variants(["6e"])


def test_another_package_adds_a_variant(corpus, monkeypatch):
    """By an entry point that names it; what it changes of the preset reaches the stages."""
    point = EntryPoint("6e", "dcrrg_variants:SHORT", "rrgbench.variants")
    short = Variant("6e", (1, 4), "full", balance=False, changes={"step4_full": {"epochs": 3}, "model": {"beams": 2}})
    monkeypatch.setattr(EntryPoint, "load", lambda self: short)
    monkeypatch.setitem(ADDED._points, "6e", (point,))
    (recipe,) = recipes(Request(corpus, Path("nowhere"), "mini"), DcrrgOptions(variant="6e"))
    assert [stage.name for stage in recipe.stages] == ["step1-text", "step1-image", "step4", "heads"]
    assert recipe.stages[2].settings == load_preset("mini").step4_full.model_copy(update={"epochs": 3.0})
    assert recipe.common["model"]["beams"] == 2
    wrong = replace(short, changes={"step4_full": {"epochs": -1}})
    with pytest.raises(InputError, match=r"variant 6e does not fit the preset: step4_full\.epochs: .*given: -1"):
        wrong.applied(load_preset("mini"))


def test_every_preset_takes_every_variant():
    for name in preset_names(PRESETS):
        preset = load_preset(name)
        for variant in VARIANTS.values():
            applied = variant.applied(preset)
            assert (applied.balance, applied.model["tuning"]) == (variant.balance, variant.tuning)
        assert preset == load_preset(name), "a preset itself stays as it was"


def test_a_set_trains_shared_stages_once(trained):
    names = [path.name.rpartition("-")[0] for path in (trained / "stages").iterdir() if path.is_dir()]
    assert sorted(names) == sorted(["step1-text", *["step1-image", "step2", "step3"] * 2, *["step4", "heads"] * 3])
    for name, tensor in weights(trained / "6" / "seed-1").items():
        assert torch.equal(tensor, weights(trained / "6b" / "seed-1")[name]), name


def test_full_tuning_tunes_image_encoder_and_decoder_and_prompt_tuning_neither(trained):
    records = {name: json.loads((trained / name / "seed-1" / "training.json").read_text()) for name in ("6", "7")}
    assert records["6"]["stages"][:4] == records["7"]["stages"][:4]
    start = weights(trained / "stages" / records["6"]["stages"][3]["folder"] / "model")

    def changed(variant):
        after = weights(trained / variant / "seed-1")
        return {name.split(".")[0] for name in start if not torch.equal(start[name], after[name])}

    heads = {"image_head", "text_head"}
    assert changed("6") == {"prompts", "report_head"} | heads
    assert changed("7") == {"image_encoder", "image_projection", "decoder", "report_head"} | heads
    assert DcrrgModel.from_pretrained(trained / "6" / "seed-1").config.tuning == "prompt"
    assert DcrrgModel.from_pretrained(trained / "7" / "seed-1").config.tuning == "full"
    shares = {name: record["stages"][4]["trainable_share"] for name, record in records.items()}
    assert shares["6"] < 0.2 < 0.5 < shares["7"]
    card = (trained / "7" / "seed-1" / "README.md").read_text()
    shown = float(re.search(r"([0-9.]+) % trained in step 4", card)[1])
    assert shown == pytest.approx(shares["7"] * 100, abs=1.0), "the card counts the statistics of batch norms too"


@pytest.mark.equal_weights
def test_one_variant_by_itself_has_the_weights_of_the_set(corpus, preset, trained, tmp_path):
    train(Request(corpus, tmp_path, preset, seeds=[1]), variant="7")
    for name, tensor in weights(trained / "7" / "seed-1").items():
        assert torch.equal(tensor, weights(tmp_path)[name]), name
    assert "--variant 7 --step all --seed 1 --limit 12" in (tmp_path / "README.md").read_text()


@pytest.mark.equal_weights
def test_a_killed_set_ends_with_the_weights_of_an_unbroken_one(corpus, preset, trained, tmp_path):
    class KilledError(Exception):
        pass

    def kill(stage, done, total, note=""):
        if stage == "6 seed 1 step3" and done == total - 1:
            raise KilledError

    with pytest.raises(KilledError):
        train(Request(corpus, tmp_path, preset, seeds=[1], progress=kill), variant=["6", "7"])
    seen = set()

    def see(stage, done, total, note=""):
        seen.add(stage)

    train(Request(corpus, tmp_path, preset, seeds=[1], progress=see), variant=["6", "7"])
    last = ("step3", "step4", "heads")
    assert seen == {"reading films", *(f"6 seed 1 {stage}" for stage in last), "7 seed 1 step4", "7 seed 1 heads"}
    for variant in ("6", "7"):
        for name, tensor in weights(trained / variant / "seed-1").items():
            assert torch.equal(tensor, weights(tmp_path / variant / "seed-1")[name]), (variant, name)
    seen.clear()
    train(Request(corpus, tmp_path, preset, seeds=[1], progress=see), variant=["6", "7"])
    assert seen == set(), "a finished set reads and trains nothing"


def test_a_stage_that_another_run_trains_is_waited_for(corpus, preset, trained, tmp_path):
    """The lock of a stage is held: training waits; it is released with the stage finished: nothing is trained twice."""
    shutil.copytree(trained / "stages", tmp_path / "stages")
    (first,) = (tmp_path / "stages").glob("step1-text-*[!k]")
    finished = first.rename(tmp_path / "elsewhere")
    seen = set()
    request = Request(corpus, tmp_path, preset, seeds=[1], apart=True, progress=lambda what, *_: seen.add(what))
    with FileLock(first.with_name(f"{first.name}.lock")):
        thread = Thread(target=train, args=(request,), kwargs={"variant": "6"})
        thread.start()
        thread.join(1.0)
        assert thread.is_alive()
        finished.rename(first)
    thread.join(60)
    assert not thread.is_alive()
    assert (tmp_path / "6" / "seed-1" / "model.safetensors").is_file()
    assert seen == set()


def test_a_set_made_otherwise_is_refused(corpus, extra, trained, preset):
    with pytest.raises(InputError, match="another limit;"):
        train(Request(corpus, trained, preset, seeds=[1], apart=True, limit=8), variant="6")


def test_extra_films_change_the_image_side_alone(trained):
    first, second = (
        json.loads((trained / name / "seed-1" / "training.json").read_text())["stages"] for name in ("6b", "6d")
    )
    assert first[0] == second[0]
    assert [stages[1]["items"] for stages in (first, second)] == [12 * 2, 24 * 2], (
        "both corpora, each at most the limit"
    )


def test_what_the_extra_corpus_does_not_label_counts_in_no_loss(extra):
    source = Sources(extra, 32, extra, limit=6).extra_films
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
    assert default_extra_corpus(replace(corpus, name="phantom-hard@1")).name == "phantom-b"
    other = Corpus("jsonl", "ab" * 8, corpus.studies)
    for wrong in (
        lambda: train(Request(other, tmp_path / "a", preset), variant="6d"),
        lambda: train(Request(other, tmp_path / "b", preset), variant="table5"),
    ):
        with pytest.raises(InputError, match="--extra-corpus"):
            wrong()
    assert not list(tmp_path.iterdir()), "refused before anything is written"


def test_extra_films_for_a_variant_without_them_are_refused(corpus, extra, preset, tmp_path):
    with pytest.raises(InputError, match="variant 6b learns from no extra films"):
        train(Request(corpus, tmp_path, preset), variant="6b", extra_corpus=extra)
    with pytest.raises(InputError, match="variant table4 learns from no extra films"):
        train(Request(corpus, tmp_path, preset), variant="table4", extra_corpus=extra)


def test_extra_films_need_labels(tmp_path):
    from rrgbench.data.study import Study

    bare = Corpus("bare", "ab" * 8, [Study("s", "p", "train", (load(train=1).studies[0].images[0],))])
    sources = Sources(bare, 32, bare)
    with pytest.raises(InputError, match="no film of its training split can be learned from: none has labels"):
        sources.extra_films  # noqa: B018
