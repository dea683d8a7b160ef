"""The model card beside a checkpoint: command, data, seed, and what a run measured.

`python -m dcrrg.card CHECKPOINT RUN` writes the scores of a run folder into the card.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dcrrg.registration import SHIPPED
from rrgbench.errors import InputError
from rrgbench.metrics.catalogue import entry
from rrgbench.modeling.trained_system import weights_digest
from rrgbench.render.escaping import escape_markdown, markdown_code, templates
from rrgbench.render.markdown import markdown_table
from rrgbench.render.table import Cell, Column, Row, Table

SHOWN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("report_generation", metric, {}) for metric in ("bleu_1", "bleu_4", "meteor", "rouge_l", "cider")),
    ("report_generation", "distinct_reports", {}),
    *(("clinical_efficacy", key, {"setting": "micro"}) for key in ("ce_precision", "ce_recall", "ce_f1")),
    ("clinical_efficacy", "ce_f1", {"setting": "macro"}),
    *(("retrieval", "precision_at_k", {"k": k}) for k in (1, 2, 5, 10)),
    ("classification", "auroc", {"setting": "own"}),
    *(
        ("classification", "auroc", {"setting": setting, "fraction": fraction})
        for setting in ("linear", "finetune")
        for fraction in (0.01, 0.1, 1.0)
    ),
    ("error_correlation", "pearson", {"setting": "observations"}),
)
"""Records that the card shows, in order."""


_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""What batch normalisation counts; stored beside the parameters and none of them."""


def write_model_card(
    checkpoint: Path, records: Sequence[Mapping[str, Any]] = (), evaluation: str = "", shipped: bool = False
) -> None:
    """Write `README.md` into a checkpoint folder.

    Parameters
    ----------
    checkpoint : Path
        A folder that training has finished.
    records : sequence of mapping
        A run's `results.json` on this checkpoint; none if it was not measured.
    evaluation : str
        The command that made the run.
    shipped : bool
        Whether the checkpoint is one of the package's own, named by its folder.

    Raises
    ------
    InputError
        If the folder holds no training record.
    """
    from safetensors import safe_open

    record_file = checkpoint / "training.json"
    if not record_file.is_file():
        raise InputError(f"{checkpoint} holds no training.json; give a folder that rrgbench train has finished")
    training = json.loads(record_file.read_text(encoding="utf-8"))
    with safe_open(checkpoint / "model.safetensors", framework="np") as weights:
        named_parts = [name for name in weights.keys() if name.rpartition(".")[2] not in _STATISTICS]  # noqa: SIM118
        sizes = {name: _count(weights.get_slice(name).get_shape()) for name in named_parts}
    tuning = json.loads((checkpoint / "config.json").read_text(encoding="utf-8")).get("tuning", "prompt")
    tuned = _tuned(tuning, training.get("paired", True))
    trained = sum(size for name, size in sizes.items() if name.split(".")[0] in tuned)
    named = ', checkpoint="FOLDER"'
    if shipped:
        named = "" if checkpoint.name == SHIPPED else f", variant={json.dumps(checkpoint.name)}"
    scores = _scores(records)
    text = (
        templates("dcrrg", escape_markdown)
        .get_template("model_card.md.j2")
        .render(
            training=training,
            phantom=training["corpus"].startswith("phantom"),
            parameters=sum(sizes.values()),
            trainable=trained / sum(sizes.values()),
            digest=weights_digest(checkpoint),
            named=Markup(named),
            scores=Markup(markdown_table(scores)) if scores.rows else "",
            code=lambda words, cell=False: Markup(markdown_code(words, cell=cell)),
            evaluation=evaluation,
            corpus=records[0]["corpus"] if records else "",
        )
    )
    (checkpoint / "README.md").write_text(text, encoding="utf-8")


def _tuned(tuning: str, paired: bool) -> tuple[str, ...]:
    """The parts that step 4 trains; where films and reports are unpaired, it sees no films."""
    if tuning == "prompt":
        return ("prompts", "report_head")
    return ("decoder", "report_head", *(("image_encoder", "image_projection") if paired else ()))


def _count(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def _scores(records: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for task, metric, where in SHOWN:
        wanted = {"observation": None, "fraction": None, "setting": None, "k": None, **where}
        found = [
            record
            for record in records
            if (record["task"], record["metric"]) == (task, metric)
            and record["value"] is not None
            and all(record.get(key) == value for key, value in wanted.items())
        ]
        own = [record for record in found if record["model"] == "dcrrg"]
        if not own:
            continue
        (record,) = own
        others = [record for record in found if record["model"] != "dcrrg"]
        best = max(others, key=lambda record: float(record["value"]), default={"value": None, "model": ""})
        decimals = entry(metric).decimals
        cells = (
            Cell(", ".join([metric, *(f"{key} {value}" for key, value in where.items())])),
            Cell(record["value"], record.get("low"), record.get("high"), decimals),
            Cell(record["n"], decimals=0),
            Cell(best["value"], decimals=decimals),
            Cell(best["model"]),
        )
        rows.append(Row(task.replace("_", " "), cells))
    columns = (
        Column("metric", text=True),
        Column("value"),
        Column("n"),
        Column("best trivial system"),
        Column("which", text=True),
    )
    return Table("", "task", columns, tuple(rows))


def main(arguments: Sequence[str]) -> None:
    """Write a run's scores into a checkpoint's card."""
    if len(arguments) != 2:
        raise InputError("usage: python -m dcrrg.card CHECKPOINT RUN")
    checkpoint, run = Path(arguments[0]), Path(arguments[1])
    environment = json.loads((run / "run.json").read_text(encoding="utf-8"))
    shipped = checkpoint.resolve().parent.name == "checkpoints" and checkpoint.resolve().parent.parent.name == "dcrrg"
    details = environment["details"]
    command = f"rrgbench eval --model dcrrg --suite {details['suite']}"
    if not shipped:
        command += " --checkpoint FOLDER"
    elif checkpoint.name != SHIPPED:
        command += f" --checkpoint {checkpoint.name}"
    write_model_card(checkpoint, json.loads((run / "results.json").read_text(encoding="utf-8")), command, shipped)


if __name__ == "__main__":
    main(sys.argv[1:])
