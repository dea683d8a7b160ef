"""The golden file: frozen reports of our own making and every native metric of them, to full precision.

`python tests/golden/golden.py` writes `values.json` anew. Do that only where a number is meant to move, and say **moves
numbers** in the changelog. `reports.jsonl` is never written anew; a report may be added at its end.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rrgbench.metrics.auroc import auroc
from rrgbench.metrics.catalogue import OWN_METRICS, TEXT_GROUPS
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.means import mean_of_defined
from rrgbench.metrics.precision_at_k import precision_at_k
from rrgbench.scoring.score import score
from rrgbench.stats.correlation import correlation

FOLDER = Path(__file__).parent
TOLERANCE = 1e-12

TEXT_PROTOCOLS = ("raw", "dcrrg", "coco")
LABELERS = ("rules@1", "rules@2", "rules@3", "rules@4")
AVERAGES = ("micro", "macro", "weighted", "per-report")


def reports() -> dict[str, tuple[str, str]]:
    """Reference and report by study id."""
    lines = (FOLDER / "reports.jsonl").read_text(encoding="utf-8").splitlines()
    return {one["study_id"]: (one["reference"], one["report"]) for one in map(json.loads, lines)}


def computed() -> dict[str, float | None]:
    """Every value by name: `protocol metric` of all reports; None where undefined.

    `protocol metric study` is the value of one, where the first protocol or the first averaging is used.
    """
    pairs = reports()
    references = {study: one for study, (one, _) in pairs.items()}
    hypotheses = {study: other for study, (_, other) in pairs.items()}
    found: dict[str, float | None] = {}

    def add(setting: str, keys: tuple[str, ...], studies: bool, **options: Any) -> None:
        scores = score(references, hypotheses, metrics=keys, intervals=False, certificate=False, **options)
        for key in keys:
            found[f"{setting} {key}"] = _plain(scores[key].value)
            for study, value in scores.per_study[key].items() if studies else ():
                found[f"{setting} {key} {study}"] = _plain(value)

    text = tuple(key for key in OWN_METRICS if key not in TEXT_GROUPS["ce"])
    for protocol in TEXT_PROTOCOLS:
        add(protocol, text, protocol == TEXT_PROTOCOLS[0], protocol=protocol, allow=["empty"])
    for labeler in LABELERS:
        for averaging in AVERAGES:
            efficacy = ClinicalEfficacy(averaging=averaging)  # type: ignore[arg-type]
            options = {"labeler": labeler, "efficacy": efficacy, "allow": ["empty"]}
            add(f"{labeler} {averaging}", TEXT_GROUPS["ce"], averaging == AVERAGES[0], protocol="raw", **options)
    return {**found, **_numbers()}


def _numbers() -> dict[str, float | None]:
    """Metrics of numbers, on sines, which are the same everywhere."""
    wave = np.sin(np.arange(60 * 14, dtype=np.float64) ** 1.5).reshape(60, 14).round(6)
    labels = (np.cos(np.arange(60 * 14, dtype=np.float64) ** 1.3).reshape(60, 14) > 0.2).astype(np.int64)
    areas = auroc(wave, labels)
    retrieved = precision_at_k(wave[:20], wave[20:], labels[:20, :5].argmax(axis=1), labels[20:, :5].argmax(axis=1))
    found = {f"auroc {column}": _plain(value) for column, value in enumerate(areas[0])}
    found["auroc mean"] = _plain(mean_of_defined(areas)[0])
    for column, cut in enumerate((1, 2, 5, 10)):
        found[f"precision_at_k {cut}"] = _plain(retrieved[:, column].mean())
    for kind in ("pearson", "spearman", "kendall"):
        one = correlation(wave[:, 0], wave[:, 1] + 0.5 * wave[:, 0], kind, replicates=0)  # type: ignore[arg-type]
        found[kind] = _plain(one.value)
    return found


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class Moved:
    """A value that isn't what it was."""

    name: str
    before: float | str | None
    now: float | str | None

    def __str__(self) -> str:
        both = isinstance(self.before, float) and isinstance(self.now, float)
        by = f", by {self.now - self.before:.1e}" if both else ""  # type: ignore[operator]
        return f"{self.name}: {self.before!r} before, {self.now!r} now{by}"


def moved(before: dict[str, float | None], now: dict[str, float | None]) -> list[Moved]:
    """Values that differ by more than the tolerance, or are there on one side only."""
    nothing = "absent"
    found = []
    for name in {**before, **now}:
        one = Moved(name, before.get(name, nothing), now.get(name, nothing))
        both = isinstance(one.before, float) and isinstance(one.now, float)
        if (abs(one.before - one.now) > TOLERANCE) if both else one.before != one.now:  # type: ignore[operator]
            found.append(one)
    return found


def kept() -> dict[str, float | None]:
    """The frozen values."""
    values: dict[str, float | None] = json.loads((FOLDER / "values.json").read_text(encoding="utf-8"))
    return values


if __name__ == "__main__":
    before, now = kept() if (FOLDER / "values.json").exists() else {}, computed()
    for one in moved(before, now)[:50]:
        print(one, file=sys.stderr)
    # shortest digits that read back as the same number
    (FOLDER / "values.json").write_text(json.dumps(now, indent=0) + "\n", encoding="utf-8")
    print(f"{len(now)} values written, {len(moved(before, now))} of them moved", file=sys.stderr)
