"""What a training chooses by: the validation split, and never the test split."""

import json

import pytest
import yaml

from baselines.common.settings import PRESETS, load_preset
from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load
from rrgbench.training.budget import read_budget, read_curves
from rrgbench.training.settings import StageSettings, preset_names
from rrgbench.training.trainers import Request, load_trainer


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The mini preset with two short epochs that are judged by the CIDEr of three validation reports."""
    settings = load_preset("mini").model_dump(mode="json")
    settings["report"].update(epochs=2, batch_size=4, patience=2, stop_on="cider", measured=3, floor=9.9)
    settings["contrast"].update(epochs=1, batch_size=4, patience=1)
    settings["systems"] = {name: {"model": {"max_report": 8}} for name in ("s&t", "deltanet", "clip")}
    path = tmp_path_factory.mktemp("preset") / "judged.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.mark.parametrize("name", ["s&t", "deltanet", "clip"])
def test_weights_are_chosen_by_validation_reports_and_the_test_split_is_never_read(name, preset, tmp_path, monkeypatch):
    read = []

    def watching(method):
        def split_of(self, split):
            read.append(split)
            return method(self, split)

        return split_of

    monkeypatch.setattr(Corpus, "split", watching(Corpus.split))
    monkeypatch.setattr(Corpus, "reports", watching(Corpus.reports))
    (folder,) = load_trainer(name)(Request(load(train=8, validate=4, test=4), tmp_path, preset))
    assert set(read) == {"train", "validate"}
    report = json.loads((folder / "training.json").read_text())["stages"][-1]
    assert (report["stop_on"], report["below_floor"]) == ("cider", True)
    best = max(report["curve"], key=lambda epoch: epoch["cider"])
    assert report["kept_value"] == best["cider"]
    budget = read_budget(folder)
    assert budget.below_floor == ("report",)
    assert (budget.films, budget.reports) == (8, 8)
    assert budget.parameters >= budget.trained_parameters > 0
    assert set(read_curves(folder)) == set(budget.epochs)


@pytest.mark.parametrize("name", preset_names(PRESETS))
def test_systems_of_a_preset_have_the_same_terms(name):
    """Most epochs, batch and patience stand once; a system's own schedule may change how it descends, and no more."""
    if name == "paper":
        pytest.skip("the paper preset has each system's own epochs and batches, as its paper has")
    preset = load_preset(name)
    terms = ("epochs", "batch_size", "patience", "stop_on", "measured", "accumulate")
    for system, own in preset.systems.items():
        for stage in ("report", "contrast", "observations"):
            settings: StageSettings | None = getattr(own, stage)
            shared = getattr(preset, stage)
            if settings is not None:
                assert {one: getattr(settings, one) for one in terms} == {one: getattr(shared, one) for one in terms}, (
                    system
                )
