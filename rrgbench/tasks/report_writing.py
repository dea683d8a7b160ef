"""Writes a model's reports of the scored studies; a killed run resumes where it stopped."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from rrgbench.errors import InputError, listed
from rrgbench.files import write_text
from rrgbench.json_text import read_json, read_object
from rrgbench.models import NamesMissingReports, ReportGenerator
from rrgbench.tasks.context import Evaluation

BATCH = 64

_log = logging.getLogger(__name__)


def write_reports(evaluation: Evaluation, path: Path) -> dict[str, str]:
    """Reports of the evaluation's studies by study id, also as JSON Lines at `path`.

    Parameters
    ----------
    evaluation : Evaluation
        Its model must be a `ReportGenerator`.
    path : Path
        The finished predictions; while writing, the same name with `.part`, one line a report.

    Raises
    ------
    InputError
        If a folder stands in its place, the model gives another number of reports than films, or declines to write
        some; what it wrote stays.
    """
    wanted = [study.study_id for study in evaluation.studies]
    for place in (path, path.with_name(path.name + ".part")):
        if place.is_dir():
            raise InputError(f"predictions/{place.name} is a folder, where a file belongs; remove it")
    if path.is_file():
        found = _read(path)
        if all(study_id in found for study_id in wanted):
            return {study_id: found[study_id] for study_id in wanted}
        _log.warning("%s lacks reports or is damaged; what is missing is written again", path.name)
        write_text(path.with_name(path.name + ".part"), "".join(_line(*item) for item in found.items()))
        path.unlink()
    model = evaluation.model
    if not isinstance(model, ReportGenerator):
        raise TypeError(f"{model.name} writes no reports")
    part = path.with_name(path.name + ".part")
    reports = _read(part) if part.is_file() else {}
    # a line that a kill cut off goes; the reports before it stay, whatever happens from here on
    write_text(part, "".join(_line(*item) for item in reports.items()))
    waiting = [study for study in evaluation.studies if study.study_id not in reports]
    most = evaluation.batch_size or BATCH
    size = min(most, getattr(model, "reports_at_a_time", most))
    declined: dict[str, str] = {}
    spent = _Spent(path.with_suffix(".spent.json"), model)
    with open(part, "a", encoding="utf-8") as file:
        for number, images in enumerate(evaluation.batches(waiting, size)):
            batch = waiting[number * size : (number + 1) * size]
            texts = model.generate_reports(images)
            if len(texts) != len(batch):
                raise InputError(
                    f"{model.name} wrote {len(texts)} reports for {len(batch)} films: "
                    f"{listed(study.study_id for study in batch)}"
                )
            missing = model.declined if isinstance(model, NamesMissingReports) else {}
            for study, text in zip(batch, texts, strict=True):
                if study.study_id in missing:
                    declined[study.study_id] = missing[study.study_id]
                    continue
                reports[study.study_id] = text
                file.write(_line(study.study_id, text))
            file.flush()
            note = spent.keep()
            if evaluation.progress is not None:
                evaluation.progress("writing reports", len(reports) + len(declined), len(wanted), note)
    if declined:
        raise InputError(_missing(model.name, declined, len(wanted)))
    os.replace(part, path)
    return {study_id: reports[study_id] for study_id in wanted}


class _Spent:
    """What a model that is paid for has spent on these reports, in a file beside them; other models have none."""

    def __init__(self, path: Path, model: object) -> None:
        self.path, self.model = path, model
        self.before: dict[str, float] = read_object(path) if path.exists() else {}
        # of reports of another run that the same model wrote
        self.other = dict(getattr(model, "spent", {}))

    def keep(self) -> str:
        """Write down what was spent so far, earlier runs included; the cost in words."""
        now: Mapping[str, float] | None = getattr(self.model, "spent", None)
        if now is None:
            return ""
        total = {name: self.before.get(name, 0) + now[name] - self.other.get(name, 0) for name in now}
        write_text(self.path, json.dumps(total, indent=2) + "\n")
        return f"cost {total['cost']:.2f}" if total.get("cost") else ""


def _missing(name: str, declined: Mapping[str, str], asked: int) -> str:
    """How many reports there are not, why, and of which studies."""
    by_reason: dict[str, list[str]] = {}
    for study_id, reason in declined.items():
        by_reason.setdefault(reason, []).append(study_id)
    told = "; ".join(f"{len(found)} {reason} ({listed(found)})" for reason, found in by_reason.items())
    return (
        f"{name} wrote no report of {len(declined)} of {asked} studies: {told}. The others are kept; to score these as "
        f"empty reports add --model-option allow={','.join(by_reason)}"
    )


def _line(study_id: str, report: str) -> str:
    return json.dumps({"study_id": study_id, "report": report}, ensure_ascii=False) + "\n"


def _read(path: Path) -> dict[str, str]:
    """Reports of whole lines, up to the first that is none."""
    reports: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            item = read_json(line)
            study_id, report = item["study_id"], item["report"]
        except (ValueError, TypeError, KeyError):
            # a killed run cuts off the last line; it is written again with what follows
            break
        reports[study_id] = report
    return reports
