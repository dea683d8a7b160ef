"""Writes a model's reports of the scored studies; a killed run goes on where it stopped."""

import json
import os
from pathlib import Path

from rrgbench.errors import InputError, listed
from rrgbench.models import ReportGenerator
from rrgbench.tasks.context import Evaluation

BATCH = 64


def write_reports(evaluation: Evaluation, path: Path) -> dict[str, str]:
    """Reports by study id, also as JSON Lines at `path`.

    Parameters
    ----------
    evaluation : Evaluation
        Its model must be a `ReportGenerator`.
    path : Path
        The finished predictions; while writing, the same name with `.part`, one line a report.

    Raises
    ------
    InputError
        If the model gives another number of reports than films.
    """
    if path.is_file():
        return _read(path)
    model = evaluation.model
    if not isinstance(model, ReportGenerator):
        raise TypeError(f"{model.name} writes no reports")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    reports = _read(part) if part.is_file() else {}
    report = evaluation.reporter("writing reports")
    # rewritten first, so that a line cut off by a kill is gone
    with open(part, "w", encoding="utf-8") as file:
        file.writelines(_line(study_id, text) for study_id, text in reports.items())
        for number, images in enumerate(evaluation.batches(evaluation.studies, BATCH)):
            whole = evaluation.studies[number * BATCH : (number + 1) * BATCH]
            rows = [row for row, study in enumerate(whole) if study.study_id not in reports]
            if not rows:
                continue
            batch = [whole[row] for row in rows]
            texts = model.generate_reports([images[row] for row in rows] if isinstance(images, list) else images[rows])
            if len(texts) != len(batch):
                raise InputError(
                    f"{model.name} wrote {len(texts)} reports for {len(batch)} films: "
                    f"{listed(study.study_id for study in batch)}"
                )
            for study, text in zip(batch, texts, strict=True):
                reports[study.study_id] = text
                file.write(_line(study.study_id, text))
            file.flush()
            if report is not None:
                report(len(reports), len(evaluation.studies))
    os.replace(part, path)
    return {study.study_id: reports[study.study_id] for study in evaluation.studies}


def _line(study_id: str, report: str) -> str:
    return json.dumps({"study_id": study_id, "report": report}, ensure_ascii=False) + "\n"


def _read(path: Path) -> dict[str, str]:
    reports = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            item = json.loads(line)
        except json.JSONDecodeError:
            # only the last line of a killed run can be cut off; its report is written again
            break
        reports[item["study_id"]] = item["report"]
    return reports
