"""Writes a model's reports of the scored studies; a killed run resumes where it stopped."""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rrgbench.data.study import Study
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
            return _chosen(found, wanted, evaluation.model.name)
        _log.warning("%s lacks reports or is damaged; what is missing is written again", path.name)
        write_text(path.with_name(path.name + ".part"), "".join(_line(*item) for item in found.items()))
        path.unlink()
    part = path.with_name(path.name + ".part")
    reports = _append(evaluation, part, path.with_suffix(".spent.json"), evaluation.studies)
    os.replace(part, path)
    return _chosen(reports, wanted, evaluation.model.name)


def _chosen(reports: Mapping[str, str], wanted: Sequence[str], model: str) -> dict[str, str]:
    """Reports of the wanted studies; those without a word are told, as they are scored like any other."""
    if empty := [study_id for study_id in wanted if not reports[study_id].strip()]:
        _log.warning("%s: %d of %d reports are empty: %s", model, len(empty), len(wanted), listed(empty))
    return {study_id: reports[study_id] for study_id in wanted}


def write_share(evaluation: Evaluation, path: Path, rank: int, count: int) -> None:
    """Of several processes that write a model's reports together, what one of them writes; `join_shares` follows.

    Parameters
    ----------
    evaluation, path
        As of `write_reports`.
    rank, count : int
        Which of how many processes this is.
    """
    if path.is_file():
        return
    there = _shared(path)
    own = [study for study in evaluation.studies[rank::count] if study.study_id not in there]
    # of an earlier run that was killed a share may be there; its reports are among those
    share = path.with_name(f"{path.name}.part-{rank}-of-{count}")
    _append(evaluation, share, share.with_name(f"{share.name}.spent.json"), own)


def join_shares(evaluation: Evaluation, path: Path) -> None:
    """Put what several processes wrote into the file that `write_reports` goes on with, in the order of the studies."""
    there = _shared(path)
    ordered = [study.study_id for study in evaluation.studies if study.study_id in there]
    if not path.is_file():
        part = path.with_name(path.name + ".part")
        write_text(part, "".join(_line(study_id, there[study_id]) for study_id in ordered))
    for share in path.parent.glob(f"{path.name}.part-*"):
        share.unlink()


def _shared(path: Path) -> dict[str, str]:
    """Reports of unfinished files, whoever wrote them."""
    found: dict[str, str] = {}
    for part in sorted(path.parent.glob(f"{path.name}.part*")):
        found |= _read(part)
    return found


def _append(evaluation: Evaluation, part: Path, spent_file: Path, studies: Sequence[Study]) -> dict[str, str]:
    """Write reports of studies to the end of an unfinished file, but for those that it has; all that it has then."""
    model = evaluation.model
    if not isinstance(model, ReportGenerator):
        raise TypeError(f"{model.name} writes no reports")
    reports = _read(part) if part.is_file() else {}
    # a line that a kill cut off goes; the reports before it stay, whatever happens from here on
    write_text(part, "".join(_line(*item) for item in reports.items()))
    waiting = [study for study in studies if study.study_id not in reports]
    most = evaluation.batch_size or BATCH
    size = min(most, getattr(model, "reports_at_a_time", most))
    declined: dict[str, str] = {}
    spent = _Spent(spent_file, model)
    with open(part, "a", encoding="utf-8") as file:
        for number, images in enumerate(evaluation.batches(waiting, size)):
            batch = waiting[number * size : (number + 1) * size]
            answer: object = model.generate_reports(images)
            # one string as long as the batch has films would be split into letters
            if isinstance(answer, str) or not isinstance(answer, Iterable):
                raise InputError(
                    f"{model.name} answered {type(answer).__name__} instead of a list of {len(batch)} reports"
                )
            texts = list(answer)
            if len(texts) != len(batch):
                raise InputError(
                    f"{model.name} wrote {len(texts)} reports for {len(batch)} films: "
                    f"{listed(study.study_id for study in batch)}"
                )
            if wordless := [one.study_id for one, text in zip(batch, texts, strict=True) if not isinstance(text, str)]:
                kinds = listed(sorted({type(text).__name__ for text in texts if not isinstance(text, str)}))
                raise InputError(
                    f"{model.name} wrote no text ({kinds}) for {len(wordless)} of {len(batch)} films: "
                    f"{listed(wordless)}"
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
                evaluation.progress("writing reports", len(reports) + len(declined), len(studies), note)
    if declined:
        raise InputError(_missing(model.name, declined, len(studies)))
    return reports


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
