"""`hf:` through the whole harness: every kind of model on the phantom, and real films of two views."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import BACKBONES, CHAT, DUAL_ENCODERS, WRITERS
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.films.stream import stream
from rrgbench.data.loading import load_corpus
from rrgbench.data.phantom import load as load_phantom
from rrgbench.models import load_all_models, load_model
from rrgbench.tasks.runner import Run, evaluate
from rrgbench.tasks.suite import Suite

Saved = Callable[[str], Path]
SUITE = Suite(
    name="few",
    replicates=10,
    trivial=(),
    tasks={
        "report_generation": {},
        "clinical_efficacy": {},
        "retrieval": {"per_class": 2, "ks": (1, 2)},
        "classification": {"settings": ("linear",), "fractions": (1.0,), "train_limit": 24},
    },
)
OFFERED = {
    **{kind: {"report_generation", "clinical_efficacy"} for kind in WRITERS},
    **{kind: {"retrieval", "classification"} for kind in DUAL_ENCODERS},
    **{kind: {"classification"} for kind in BACKBONES},
}


def measured(run: Run, model: str) -> set[str]:
    """Tasks of which the model has a value."""
    return {record.task for record in run.records if record.model == model and record.value is not None}


@pytest.mark.parametrize("kind", OFFERED)
def test_every_kind_of_model_is_evaluated_on_what_it_offers(kind: str, saved: Saved, tmp_path: Path) -> None:
    corpus = load_phantom(train=24, validate=0, test=8, retrieval=120)
    options = {"max_new_tokens": 6, "film_size": 56, "allow": "empty"} if kind in WRITERS else {}
    model = load_model(f"hf:{saved(kind)}", **options)
    run = evaluate(model, corpus, SUITE, tmp_path)
    assert measured(run, kind) == OFFERED[kind]
    if kind in WRITERS:
        lines = next((tmp_path / "predictions").glob(f"{kind}-*.jsonl")).read_text().splitlines()
        written = {one["study_id"]: one["report"] for one in map(json.loads, lines)}
        # the harness's texts are those of the model asked study by study
        studies = corpus.split("test")
        alone = [model.generate_reports(list(one))[0] for one in stream(studies, model.reads, 1)]  # type: ignore[attr-defined]
        assert [written[study.study_id] for study in studies] == alone


@pytest.mark.parametrize("kind", ["llava", "clip", "dinov2"])
def test_the_command_line_takes_hub_models(kind: str, saved: Saved, tmp_path: Path) -> None:
    suite = tmp_path / "few.yaml"
    tasks = "{report_generation: {}}" if kind == "llava" else "{retrieval: {per_class: 2, ks: [1]}}"
    suite.write_text(f"replicates: 10\ntrivial: []\ntasks: {tasks}\n")
    told = ["--device", "cpu", "--dtype", "bf16"]
    for size in ("train=24", "validate=0", "test=8", "retrieval=120"):
        told += ["--option", size]
    if kind == "llava":
        told += ["--prompt", "findings-and-impression", "--batch-size", "4", "--limit", "6"]
        told += ["--model-option", "max_new_tokens=6", "--model-option", "allow=empty,refused"]
    out = str(tmp_path / "run")
    done = CliRunner().invoke(app, ["eval", "--model", f"hf:{saved(kind)}", "--suite", str(suite), "--out", out, *told])
    assert done.exit_code == 0, done.output
    records = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {one["model"] for one in records} >= {kind}
    if kind == "llava":
        signature = next(one["signature"] for one in records if one["metric"] == "bleu_1" and one["model"] == kind)
        assert "|n:6|" in signature
        assert "|reads:all|prompt:findings-and-impression@" in signature
        assert "|extraction:report@2|no_report:empty+refused-as-empty|" in signature


@pytest.mark.parametrize("kind", CHAT)
def test_real_films_of_two_views_go_through(kind: str, saved: Saved, shared: Path, tmp_path: Path) -> None:
    films = sorted((shared / "iu_films").glob("*.png"))
    assert len(films) == 5
    with open(shared / "iu_xray" / "indiana_reports.csv", encoding="utf-8", newline="") as file:
        reports = {row["uid"]: row for row in csv.DictReader(file)}
    lines = []
    for uid in sorted({film.name.partition("_")[0] for film in films}, key=int):
        own = [film.name for film in films if film.name.partition("_")[0] == uid]
        for name in own:
            shutil.copy(shared / "iu_films" / name, tmp_path / name)
        views = ["PA", "LATERAL"][: len(own)]
        sections = {"indication": reports[uid]["indication"]}
        lines.append(
            {
                "study_id": uid, "subject_id": uid, "split": "test", "images": own, "views": views,
                "report": reports[uid]["findings"], "sections": sections,
            }
        )  # fmt: skip
    (tmp_path / "studies.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    corpus = load_corpus("jsonl", root=tmp_path)
    model = load_model(
        f"hf:{saved(kind)}", max_new_tokens=6, film_size=112, prompt="findings-in-context", allow="empty"
    )
    suite = Suite(name="few", replicates=10, trivial=(), tasks={"report_generation": {}})
    run = evaluate(model, corpus, suite, tmp_path / "run")
    (examinations,) = stream(corpus.split("test"), model.reads, 8)  # type: ignore[attr-defined]
    assert [[film.view for film in one.films] for one in examinations] == [["PA", "LATERAL"], ["PA"], ["PA"], ["PA"]]
    assert run.value("report_generation", "distinct_reports", kind) is not None
    signature = next(one.signature or "" for one in run.records if one.metric == "bleu_1" and one.model == kind)
    assert "|n:4|" in signature
    assert "|reads:all+indication+technique+history+prior|prompt:findings-in-context@" in signature


def test_all_models_are_those_that_need_no_argument() -> None:
    models, left_out = load_all_models()
    assert {"dcrrg", "most-frequent"} <= {one.name for one in models}
    assert {"hf", "timm", "openai", "predictions"}.isdisjoint(left_out)
    assert "r2gen" in left_out
