"""Files that rrgbench wrote itself, damaged: they are made again or named, and never believed or a traceback."""

import json
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from torment import Place

DAMAGE = {
    "empty": b"",
    "NULs": b"\0" * 400,
    "a number": b"5",
    "a list": b"[]",
    "a list of null": b"[null]",
    "an object": b"{}",
    "deep": b"[" * 100_000,
    "long number": b'{"seconds": ' + b"9" * 5000 + b"}",
    "half a character": b'{"model": "\\ud800"}',
    "not UTF-8": b'{"model": "\xff"}',
}
"""What a file holds instead of what was written."""

LOOKED_AT = ("results.json", "run.json", "finished.json", "config.yaml")


def each_damaged(names: Sequence[str], damages: Iterable[str]) -> list[Any]:
    """Each name with each damage; by default a name meets its share, so that each damage is met; the rest is slow."""
    known = list(damages)
    share = -(-len(known) // len(names))
    return [
        pytest.param(name, damage, marks=() if at // share == number else pytest.mark.slow)
        for number, name in enumerate(names)
        for at, damage in enumerate(known)
    ]


def evaluated(place: Place) -> tuple[str, ...]:
    corpus = ("--corpus", "jsonl", "--root", str(place.made("corpus")))
    suite = str(place.made("run").parent / "suite.yaml")
    return ("eval", "--model", "fixed-template", "--suite", suite, *corpus, "--out", "run")


@pytest.mark.parametrize(("name", "damage"), each_damaged(LOOKED_AT, DAMAGE))
def test_a_file_of_a_run_is_damaged(place: Place, name: str, damage: str) -> None:
    """A file of a finished run is damaged: the run is made whole by its command."""
    run = place.copy("run")
    whole = (run / "results.json").read_bytes()
    (run / name).write_bytes(DAMAGE[damage])
    for words in (("report", "run"), ("runs", "show", "run"), ("drift", "run", "--against", place.made("run"))):
        ended = place.run(*words)
        # an empty list is a run whose numbers have gone: drift's own finding, in its table
        if (ended.code, words[0]) not in ((1, "drift"), (4, "drift")):
            ended.owes(ended.code)
            assert ended.code in (0, 2), ended.err
    place.run("runs", "list", ".").owes(0)
    place.run(*evaluated(place)).owes(0)
    assert (run / "results.json").read_bytes() == whole


@pytest.mark.parametrize(
    ("kind", "damage"), each_damaged(["units/*.json", "units/*.npz", "predictions/*.jsonl"], DAMAGE)
)
def test_a_unit_or_file_of_predictions_is_damaged(place: Place, kind: str, damage: str) -> None:
    """A unit's file or finished predictions are damaged: they are made again."""
    run = place.copy("run")
    whole = (run / "results.json").read_bytes()
    written = {path: path.read_bytes() for path in run.glob("predictions/*.jsonl")}
    for path in run.glob(kind):
        path.write_bytes(DAMAGE[damage])
    (run / "finished.json").unlink()
    if kind.startswith("predictions"):
        shutil.rmtree(run / "units")
    place.run(*evaluated(place)).owes(0)
    assert (run / "results.json").read_bytes() == whole
    assert written == {path: path.read_bytes() for path in run.glob("predictions/*.jsonl")}


@pytest.mark.parametrize("kind", ["units/*.json", "units/*.npz", "predictions/*.jsonl", "results.json", "run.json"])
def test_a_folder_stands_where_a_file_belongs(place: Place, kind: str) -> None:
    """A folder stands where a file of the run belongs."""
    run = place.copy("run")
    for path in sorted(run.glob(kind)):
        path.unlink()
        path.mkdir()
    (run / "finished.json").unlink()
    if kind.startswith("predictions"):
        shutil.rmtree(run / "units")
    place.run(*evaluated(place)).owes(2, "folder")


@pytest.mark.parametrize(
    ("name", "damage"), each_damaged(["training.json", "stages/*/stage.json", "stages/*/model/.digest"], DAMAGE)
)
def test_a_record_of_a_training_is_damaged(place: Place, name: str, damage: str) -> None:
    """A record of a training is damaged: the same command names it or makes it again."""
    trained = place.copy("trained")
    for path in trained.glob(name):
        path.write_bytes(DAMAGE[damage])
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    preset = place.made("trained").parent / "preset.yaml"
    ended = place.run("train", "--model", "s&t", "--preset", preset, *corpus, "--out", "trained")
    ended.owes(ended.code)
    assert ended.code in (0, 2), ended.err
    if ended.code == 0:
        weights = (place.made("trained") / "model.safetensors").read_bytes()
        assert (trained / "model.safetensors").read_bytes() == weights


CONFIGURATIONS = {
    "width is text": '"width": "wide"',
    "width is 0": '"width": 0',
    "width is negative": '"width": -8',
    "width is huge": '"width": 900000000',
    "vocabulary is a list": '"vocabulary": []',
    "film size is 0": '"image_size": 0',
    "film size is huge": '"image_size": 99999999',
    "beams is 0": '"beams": 0',
    "beams is text": '"beams": "many"',
    "other architecture": '"model_type": "bert"',
}
"""Values of a checkpoint's configuration."""


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *each_damaged(["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"], DAMAGE),
        *(("config.json", damage) for damage in CONFIGURATIONS),
    ],
)
def test_a_file_of_a_checkpoint_is_damaged(place: Place, name: str, damage: str) -> None:
    """A file of a checkpoint is damaged: it is named."""
    trained = place.copy("trained")
    if damage in CONFIGURATIONS:
        changed = json.loads(f"{{{CONFIGURATIONS[damage]}}}")
        config = json.loads((trained / name).read_text())
        new = json.dumps({**config, **changed}).encode()
    else:
        new = DAMAGE[damage]
    (trained / name).write_bytes(new)
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    suite = place.write("suite.yaml", "{replicates: 10, trivial: [], tasks: {report_generation: {}}}")
    for number, words in enumerate([("eval", "--suite", suite, "--out", "run"), ("explain", "--study", "s1")]):
        ended = place.run(*words, "--model", "s&t", "--checkpoint", "trained", *corpus)
        ended.owes(ended.code)
        assert ended.code in ((2,) if number == 0 and damage != "other architecture" else (0, 2)), ended.err
