"""Every baseline can overfit 32 studies: loss near zero, greedy reports equal to the references."""

import pytest
import torch
import yaml

from baselines.common.settings import load_preset
from baselines.m2tr import context_of
from rrgbench.data.films.stream import load_films
from rrgbench.data.phantom import load
from rrgbench.modeling.captioner import ReportWriting
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import decode_report, encode_reports
from rrgbench.models import FittedToCorpus, image_batches, load_model
from rrgbench.training.items import Collate
from rrgbench.training.trainers import Request, load_trainer

STUDIES = 32
EPOCHS = 400
LONGER = {"epochs": 500, "learning_rate": 3e-3}
OWN = {"s&t": LONGER, "topdown": LONGER}
"""These LSTMs overfit more slowly than what attends to words and cells at once."""
FILMS_ALONE = ("s&t", "adaatt", "topdown", "r2gen", "clip", "convirt", "gloria", "medclip", "phenotypeclip")
SEES_MORE = ("xpronet", "deltanet", "dcl", "m2tr", "ppked")
"""Systems that are shown more than a film, or have a loss beside the words'."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FILMS_ALONE, *SEES_MORE])
def test_learns_its_training_studies_by_heart(name, tmp_path):
    corpus = load(train=STUDIES, validate=4, test=4, retrieval=4)
    settings = load_preset("mini").model_dump(mode="json")
    settings.update(augment=False, min_word_count=1, storage="float32")
    settings["report"].update(
        {"patience": None, "epochs": EPOCHS, "batch_size": 16, "learning_rate": 2e-3, **OWN.get(name, {})}
    )
    settings["contrast"].update(epochs=3, batch_size=16, patience=None)
    settings["observations"] = {**settings["report"], "epochs": 60}
    own = settings["systems"].get(name, {"model": {}})
    # dropout is there to keep a model from what is asked for here
    settings["systems"] = {name: {"model": {**own["model"], "dropout": 0.0}}}
    preset = tmp_path / "overfit.yaml"
    preset.write_text(yaml.safe_dump(settings))
    load_trainer(name)(Request(corpus, tmp_path / "trained", str(preset)))

    system = load_model(name, checkpoint=tmp_path / "trained")
    model, studies = system.model, list(corpus.split("train"))
    rows = encode_reports(model.tokenizer, [study.report for study in studies], REPORT_START, model.config.max_report)
    if name in FILMS_ALONE:
        films = load_films(studies, system.image_size)
        batch = Collate(model.tokenizer.pad_token_id)(
            [{"films": torch.from_numpy(film), "row": row} for film, row in zip(films, rows, strict=True)]
        )
        with torch.inference_mode():
            loss = ReportWriting(model)(**batch)["loss"].item()
        assert loss < 0.05

    if isinstance(system, FittedToCorpus):
        system.fit(corpus)
    model.config.beams = 1
    (images,) = image_batches(system, studies)
    written = system.generate_reports(images)
    right = [{decode_report(model.tokenizer, row)} for row in rows]
    if name == "m2tr":
        contexts = [context_of(study.report) for study in studies]
        assert model.write_contexts(images) == contexts
        # a report is written from its context alone, so any report of the same context is right
        of = {
            context: set().union(*(r for r, c in zip(right, contexts, strict=True) if c == context))
            for context in contexts
        }
        right = [of[context] for context in contexts]
    wrong = [study.study_id for study, own, report in zip(studies, right, written, strict=True) if report not in own]
    assert not wrong
    assert len(set(written)) > STUDIES // 2, "the corpus repeats itself too much to tell"
