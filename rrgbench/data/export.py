"""Reports of a corpus as files that `rrgbench score` and `compare` take."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rrgbench.data.corpus import Corpus
from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.files import check_writable, write_text
from rrgbench.json_text import read_json


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    path : Path
        The file: `{"study_id": ..., "report": ...}` a line.
    studies : int
        Lines.
    without : tuple of str
        Studies that have no report, and so no line.
    """

    path: Path
    studies: int
    without: tuple[str, ...]


def export_references(corpus: Corpus, split: str, path: Path) -> Exported:
    """Reference reports of the studies of a split that `eval` evaluates.

    Raises
    ------
    InputError
        If the split has no report, or the file can't be written.
    """
    return _written(corpus, split, corpus.evaluated(split), path)


def export_training_reports(corpus: Corpus, path: Path) -> Exported:
    """Reports of the training split, for protocols with a vocabulary; errors as `export_references`."""
    return _written(corpus, "train", corpus.reports("train"), path)


def is_exported(path: Path) -> bool:
    """Whether a file is one of references or training reports as they are written here."""
    try:
        with path.open(encoding="utf-8") as stream:
            return set(read_json(stream.readline())) == {"study_id", "report"}
    except (OSError, ValueError, TypeError):
        return False


def _written(corpus: Corpus, split: str, studies: Iterable[Study], path: Path) -> Exported:
    check_writable(path)
    pairs = [(study.study_id, study.report or "") for study in studies]
    without = tuple(study_id for study_id, report in pairs if not report.strip())
    lines = [
        json.dumps({"study_id": study_id, "report": report}, ensure_ascii=False) + "\n"
        for study_id, report in pairs
        if report.strip()
    ]
    if not lines:
        raise InputError(
            f"corpus {corpus.name} has no reports in its {split} split ({listed(without) or 'no studies'})"
        )
    write_text(path, "".join(lines))
    return Exported(path, len(lines), without)
