"""Every parser of files, with an example of what it reads: what fuzzers and the sweep of mutations try.

A parser takes the path of a (mutated) file that lies where the example lay. It ends in an `RrgbenchError` of one line
that holds none of the reports' words, or in what the file says. `count` tells how many studies a file holds by other
means, where that can be told; a parser that gives fewer has dropped some silently.
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET = "zygomatic"
"""A word of every example report; no message may hold it."""

REPORTS = [{"study_id": f"s{number}", "report": f"no {SECRET} effusion {number} ."} for number in range(6)]

COCO = [{"image_id": row["study_id"], "caption": row["report"]} for row in REPORTS]

SUITE = """\
replicates: 10
trivial: [fixed-template]
tasks:
  report_generation: {limit: 5}
  retrieval: {ks: [1, 5], per_class: 4}
  classification: {fractions: [0.1, 1.0], steps: 4}
"""

STAGE = "{epochs: 2, batch_size: 16, learning_rate: 1.0e-3}"

PRESET = f"""\
image_size: 32
image_encoder: {{kind: resnet, num_channels: 1, embedding_size: 8, hidden_sizes: [8, 16], depths: [1, 1]}}
text_encoder: {{hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32}}
report: {STAGE}
contrast: {STAGE}
min_word_count: 1
systems:
  s&t: {{model: {{width: 16}}}}
"""


@dataclass(frozen=True)
class Parser:
    """One kind of file.

    Attributes
    ----------
    name : str
        Its file's name.
    example : bytes
        What it holds.
    parse : callable
        Path to what the file says.
    count : callable, optional
        Content to the number of studies that it holds, and None where that can't be told.
    """

    name: str
    example: bytes
    parse: Callable[[Path], Any]
    count: Callable[[bytes], int | None] | None = None


def _table(delimiter: str) -> bytes:
    buffer = io.StringIO(newline="")
    rows = [["study_id", "report"], *([row["study_id"], row["report"]] for row in REPORTS)]
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue().encode()


def _lines(content: bytes) -> int | None:
    try:
        return sum(bool(line.strip()) for line in content.decode("utf-8-sig").split("\n"))
    except UnicodeDecodeError:
        return None


def _reports(path: Path) -> dict[str, Any]:
    from rrgbench.scoring.report_files import read_reports

    return dict(read_reports(path).texts)


def _suite(path: Path) -> Any:
    from rrgbench.tasks.suite import load_suite

    return load_suite(str(path))


def _preset(path: Path) -> Any:
    from baselines.common.settings import BaselinePreset
    from rrgbench.training.settings import read_preset

    return read_preset("baselines.common.presets", str(path), BaselinePreset)


def _configuration(path: Path) -> Any:
    from rrgbench.tasks.configuration import read_configuration

    return read_configuration(path)


def _results(path: Path) -> Any:
    from rrgbench.runs.store import read_results

    return read_results(path)


def _side(path: Path) -> Any:
    from rrgbench.runs.baseline import read_side

    return read_side(path)


def _environment(path: Path) -> Any:
    from rrgbench.runs.environment import environment_of

    return environment_of(path.parent)


def _tolerances(path: Path) -> Any:
    from rrgbench.runs.drift import read_tolerances

    return read_tolerances(path)


def _labels(path: Path) -> Any:
    from rrgbench.labelers.lookup import LookupLabeler

    return LookupLabeler(path)


def _audit(path: Path) -> Any:
    from rrgbench.reproduction.averaging import read_and_audit

    return read_and_audit(path, "model", ("precision", "recall", "f1"))


def _record(path: Path) -> Any:
    from rrgbench.training.chain import read_record

    return read_record(path.parent)


def _corpus(path: Path) -> Any:
    from rrgbench.data.readers.jsonl import load

    return load(path.parent, check_images=False).studies


def _unit(path: Path) -> Any:
    from rrgbench.runs.store import RunFolder

    return RunFolder(path.parent.parent).get(path.stem)


RECORD = {
    **{"task": "report_generation", "model": "m", "corpus": "c@1a2b", "split": "test", "metric": "bleu_4"},
    **{"value": 0.5, "low": 0.4, "high": 0.6, "n": 9},
    "signature": "rrgbench:0.1|corpus:c@1a2b|split:test|n:9|protocol:dcrrg@2",
}

STUDIES = [
    {**row, "subject_id": f"p{number}", "split": ("train", "test")[number % 2], "labels": {"Edema": number % 2}}
    for number, row in enumerate(REPORTS)
]


def _json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


PARSERS = (
    Parser("reports.jsonl", _json_lines(REPORTS), _reports, _lines),
    Parser("reports.csv", _table(","), _reports),
    Parser("reports.tsv", _table("\t"), _reports),
    Parser("reports.json", json.dumps(REPORTS).encode(), _reports),
    Parser("map.json", json.dumps({row["study_id"]: row["report"] for row in REPORTS}).encode(), _reports),
    Parser(
        "rexrank.json",
        json.dumps({row["study_id"]: {"model_prediction": row["report"], "report": "x"} for row in REPORTS}).encode(),
        _reports,
    ),
    Parser("coco.json", json.dumps(COCO).encode(), _reports),
    Parser("studies.jsonl", _json_lines(STUDIES), _corpus, _lines),
    Parser("suite.yaml", SUITE.encode(), _suite),
    Parser("preset.yaml", PRESET.encode(), _preset),
    Parser("config.yaml", b"model: [dcrrg]\nsuite: quick\nseed: 3\ncorpus: phantom\n", _configuration),
    Parser("results.json", json.dumps([RECORD]).encode(), _results),
    Parser("baseline.json", json.dumps([RECORD]).encode(), _side),
    Parser("run.json", json.dumps({"packages": {"numpy": "2"}, "seconds": 4.5, "models": []}).encode(), _environment),
    Parser("training.json", json.dumps({"corpus": "c@1", "stages": [{"folder": "a", "loss": 1}]}).encode(), _record),
    Parser("tolerances.yaml", b"bleu_4: 0.001\nce_f1: 0.01\n", _tolerances),
    Parser("labels.csv", b"study_id,Edema,Fracture\ns0,1,0\ns1,,-1\n", _labels),
    Parser("table.csv", b"model,precision,recall,f1\nx,0.5,0.4,0.444\n", _audit),
)
