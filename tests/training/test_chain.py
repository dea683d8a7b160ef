"""A chain of stages: a stage's kept model is believed only while it is what was written."""

import json
from dataclasses import replace

import pytest
from torch.utils.data import default_collate
from toy_stage import ToyItems, ToyNetwork, settings
from transformers import PretrainedConfig, PreTrainedModel

from rrgbench import load_corpus
from rrgbench.errors import InputError
from rrgbench.training import chain
from rrgbench.training.chain import Recipe, Stage, train_recipe
from rrgbench.training.data import Sources
from rrgbench.training.stage import Learner, StageReport, Work
from rrgbench.training.stopping import Measures


class ToyModel(PreTrainedModel):
    """The toy network as a model that is saved and loaded."""

    config_class = PretrainedConfig

    def __init__(self, config):
        super().__init__(config)
        self.network = ToyNetwork()
        self.post_init()

    def _init_weights(self, module):
        pass


def learner(model):
    return Learner(model.network)


def recipe(stages):
    made = [
        Stage(name, settings(epochs=1), {}, lambda _: Work(ToyItems(), default_collate), learner) for name in stages
    ]
    return Recipe(made, lambda: ToyModel(PretrainedConfig()), ToyModel.from_pretrained, 0, {}, {})


@pytest.mark.parametrize("damaged", ["model.safetensors", "config.json"])
def test_a_stage_is_not_trained_on_a_model_with_flipped_bytes(tmp_path, caplog, damaged):
    store = tmp_path / "stages"
    train_recipe(recipe(["first"]), tmp_path / "a", store)
    (kept,) = store.glob("first-*/model")
    whole = (kept / "model.safetensors").read_bytes()
    train_recipe(recipe(["first", "second"]), tmp_path / "b", store)
    (second,) = store.glob("second-*/model/model.safetensors")
    expected = second.read_bytes()

    path = kept / damaged
    content = path.read_bytes()
    # in the last tensor of the weights, in the text of the configuration
    path.write_bytes(content[:-4] + bytes([content[-4] ^ 1]) + content[-3:])
    for place in (second, *second.parent.glob(".digest")):
        place.unlink()
    train_recipe(recipe(["first", "second"]), tmp_path / "c", store)
    assert "is damaged; the stage is trained again" in caplog.text
    assert (kept / "model.safetensors").read_bytes() == whole
    assert second.read_bytes() == expected


def judged(name, begun, stop_on, declared):
    """A stage that measures `nearness` and notes when it begins."""

    def work(model):
        begun.append(name)
        measures = Measures({"nearness": True}, lambda limit: {"nearness": 1.0})
        return Work(ToyItems(), default_collate, validation=ToyItems(), measures=measures)

    return Stage(name, settings(epochs=1, patience=1, stop_on=stop_on), {}, work, learner, declared)


def chained(stages):
    return Recipe(stages, lambda: ToyModel(PretrainedConfig()), ToyModel.from_pretrained, 0, {}, {})


def test_a_measure_that_the_last_stage_lacks_is_refused_before_the_first_begins(tmp_path):
    begun = []
    stages = [
        judged("first", begun, "nearness", {"nearness": True}),
        judged("last", begun, "nearnes", {"nearness": True}),
    ]
    with pytest.raises(InputError, match=r"last cannot stop on 'nearnes'; it measures loss, nearness"):
        train_recipe(chained(stages), tmp_path / "out", tmp_path / "out" / "stages")
    assert not begun
    assert not (tmp_path / "out").exists()
    stages[1] = judged("last", begun, "nearness", {"nearness": True})
    train_recipe(chained(stages), tmp_path / "out", tmp_path / "out" / "stages")
    assert begun == ["first", "last"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rates": {"haed": 1e-3}}, r"last: rates for haed, which is not trained; trained: .*head, norm"),
        ({"alike_lengths": True}, r"last: its items have no lengths; set alike_lengths to false"),
    ],
)
def test_what_the_last_stage_cannot_do_is_refused_before_the_first_begins(tmp_path, wrong, said):
    begun = []
    first = judged("first", begun, "nearness", {"nearness": True})
    last = replace(judged("last", begun, "nearness", {"nearness": True}), settings=settings(epochs=1, **wrong))
    with pytest.raises(InputError, match=said):
        train_recipe(chained([first, last]), tmp_path / "out", tmp_path / "out" / "stages")
    assert not begun
    # so that the same command goes on once it is mended
    assert not (tmp_path / "out" / "training.json").exists()
    train_recipe(chained([first]), tmp_path / "out2", tmp_path / "stages")
    with pytest.raises(InputError, match=said):
        train_recipe(chained([first, last]), tmp_path / "out3", tmp_path / "stages")
    assert begun == ["first"]


def test_a_validation_split_that_is_not_there_is_missed_before_the_first_stage_begins(tmp_path):
    begun = []
    corpus = load_corpus("phantom", train=8, validate=4, test=4)
    without = replace(corpus, studies=(*corpus.split("train"), *corpus.split("test")))
    first = replace(judged("first", begun, "nearness", {"nearness": True}), settings=settings(epochs=1))
    last = judged("last", begun, "nearness", {"nearness": True})
    made = chained([first, last])
    with pytest.raises(
        InputError, match=r"corpus phantom has no 'validate' split.*mark some studies as validate, or .* patience: null"
    ):
        train_recipe(replace(made, sources=Sources(without, 32)), tmp_path / "out", tmp_path / "out" / "stages")
    assert not begun
    replace(made, sources=Sources(corpus, 32)).check()


def test_a_stage_says_whether_its_items_have_lengths(tmp_path):
    stage = replace(judged("first", [], "nearness", {"nearness": True}), lengths=True)
    with pytest.raises(TypeError, match="first: whether its items have lengths"):
        train_recipe(chained([stage]), tmp_path / "out", tmp_path / "stages")


def test_a_stage_says_what_it_measures(tmp_path):
    with pytest.raises(TypeError, match="first measures"):
        train_recipe(chained([judged("first", [], "loss", {})]), tmp_path / "out", tmp_path / "stages")


def test_all_processes_of_a_training_wait_equally_often(tmp_path, monkeypatch):
    """One that waits once more than the others waits for processes that have ended, and fails."""
    told = StageReport("fit", 1, 1.0, 1, 0.1, 0.0, 0, 1.0, None, 1.0, "", None, None, False, [])
    waits = {}
    for first in (False, True):
        waits[first] = 0

        def wait(first=first):
            waits[first] += 1

        monkeypatch.setattr(chain, "first_process", lambda first=first: first)
        monkeypatch.setattr(chain, "several_processes", lambda: True)
        monkeypatch.setattr(chain, "wait_for_all", wait)
        made = chained([Stage("fit", None, {}, lambda model: told)])
        train_recipe(made, tmp_path / "out", tmp_path / "out" / "stages")
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert waits[True] == waits[False] > 0


def test_parts_with_a_rate_of_nothing_are_not_said_to_be_trained(tmp_path):
    kept = Stage(
        "kept",
        settings(epochs=1, rates={"head": 0}),
        {},
        lambda _: Work(ToyItems(), default_collate),
        lambda model: Learner(model.network, [model.network.norm, model.network.head]),
    )
    train_recipe(chained([kept]), tmp_path / "out", tmp_path / "out" / "stages")
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    norm, head = 16 + 16, 16 * 2 + 2
    assert (record["parameters"], record["trained_parameters"]) == (6 * 16 + 16 + norm + head, norm)


def test_how_many_validation_studies_are_looked_at_names_the_stages_that_look(tmp_path):
    corpus = load_corpus("phantom", train=8, validate=4, test=4)
    stages = [
        replace(judged("first", [], "nearness", {"nearness": True}), settings=settings(epochs=1)),
        judged("last", [], "nearness", {"nearness": True}),
    ]
    made = chained(stages)
    names = [replace(made, sources=Sources(corpus, 32, validation_limit=most)).folders for most in (None, 2, 3)]
    assert len({first for first, _ in names}) == 1
    assert len({last for _, last in names}) == 3
    assert names[0] == made.folders
