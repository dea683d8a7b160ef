"""What the machine refuses: full disks, no permission, an output that nobody reads or that can't say it."""

import os
import shutil
from pathlib import Path

import pytest
from test_damaged_files import evaluated
from torment import Place, files_of_at_most, without_rights

FULL = Path("/dev/full")

pytestmark = pytest.mark.slow

REPORTS = '{"study_id": "a", "report": "no effusion"}\n{"study_id": "b", "report": "small effusion"}\n'

needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def score(*more: object) -> tuple[object, ...]:
    return ("score", "--predictions", "r.jsonl", "--references", "r.jsonl", "--metrics", "bleu_1", *more)


@needs_full
@pytest.mark.parametrize("words", [("list", "metrics"), ("protocols",), score(), score("--json")])
def test_standard_output_is_full(place: Place, words: tuple[object, ...]) -> None:
    """Standard output is on a full disk (/dev/full)."""
    place.write("r.jsonl", REPORTS)
    with FULL.open("w") as full:
        ended = place.run(*words, stdout=full.fileno())
    ended.owes(5, "No space left on device")


@needs_full
def test_a_table_of_studies_can_not_be_written(place: Place) -> None:
    """--per-study is on a full disk: the scores are printed all the same."""
    place.write("r.jsonl", REPORTS)
    ended = place.run(*score("--per-study", FULL)).owes(5, "No space left on device")
    assert "BLEU-1" in ended.out


@pytest.mark.parametrize("bad", ["no/x.csv", "folder", "r.jsonl/x.csv"])
def test_a_bad_path_for_studies(place: Place, bad: str) -> None:
    """--per-study names no file that can be: refused before the work."""
    place.write("r.jsonl", REPORTS)
    (place / "folder").mkdir()
    ended = place.run(*score("--per-study", bad)).owes(2)
    assert ended.out == ""


def test_a_run_meets_a_full_disk(place: Place) -> None:
    """The disk takes no file of more than 3 kB: the run says how to go on, and ends with the same bytes."""
    words = evaluated(place)
    place.run(*words, prepare=files_of_at_most(3000)).owes(5, "resume with: rrgbench eval")
    place.run(*words).owes(0)
    assert (place / "run/results.json").read_bytes() == (place.made("run") / "results.json").read_bytes()
    assert not [path for path in (place / "run").rglob("*") if path.name.endswith((".part", ".partial"))]


def test_a_training_meets_a_full_disk(place: Place) -> None:
    """The disk takes no file of more than 20 kB: the training says how to go on, and ends with the same weights."""
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    preset = place.made("trained").parent / "preset.yaml"
    words = ("train", "--model", "s&t", "--preset", preset, *corpus, "--out", "trained")
    place.run(*words, prepare=files_of_at_most(20_000)).owes(5, "resume with: rrgbench train")
    place.run(*words).owes(0)
    weights = (place.made("trained") / "model.safetensors").read_bytes()
    assert (place / "trained/model.safetensors").read_bytes() == weights


def test_caches_meet_a_full_disk(place: Place) -> None:
    """The disk of the caches of films and METEOR takes no file of more than 1 MB: the run goes on."""
    words = (*evaluated(place), "--film-cache", "films")
    env = {"RRGBENCH_CACHE": str(place / "cache"), "TMPDIR": str(place.folder)}
    place.run(*words, prepare=files_of_at_most(1_000_000), env=env).owes(0)
    assert (place / "run/results.json").read_bytes() == (place.made("run") / "results.json").read_bytes()


@pytest.mark.parametrize("cache", ["films", "meteor", "labels"])
def test_a_cache_can_not_be_written(place: Place, cache: str) -> None:
    """A cache's folder is locked: the work goes on without it."""
    place.write("r.jsonl", REPORTS)
    (place / "locked").mkdir(mode=0o500)
    words: tuple[object, ...] = {
        "films": (*evaluated(place), "--film-cache", "locked"),
        "meteor": score("--metrics", "meteor"),
        "labels": score("--metrics", "ce_f1", "--labeler", "rules", "--labeler-option", "cache=locked/labels.sqlite"),
    }[cache]
    env = {"RRGBENCH_CACHE": str(place / "locked")} if cache == "meteor" else {"X": ""}
    place.run(*words, prepare=without_rights, env=env).owes(0, "not kept" if cache != "meteor" else "can't be kept")


def test_a_report_file_may_not_be_read(place: Place) -> None:
    """A file of reports may not be read (mode 0)."""
    place.write("r.jsonl", REPORTS).chmod(0)
    place.run(*score(), prepare=without_rights).owes(5, "r.jsonl")


@pytest.mark.parametrize("command", ["eval", "train", "score", "report", "drift", "data"])
def test_a_place_may_not_be_written(place: Place, command: str) -> None:
    """A folder that is to be written to is locked (mode 0500)."""
    place.write("r.jsonl", REPORTS)
    place.copy("run")
    (place / "locked").mkdir()
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    preset = place.made("trained").parent / "preset.yaml"
    more: tuple[object, ...] = {
        "eval": (*evaluated(place)[1:-1], "locked/run"),
        "train": ("--model", "s&t", "--preset", preset, *corpus, "--out", "locked/trained"),
        "score": score("--per-study", "locked/t.csv")[1:],
        "report": ("run", "--out", "locked/page"),
        "drift": ("run", "--against", "locked/b.json", "--update", "--reason", "first"),
        "data": ("export", "--references", "locked/r.jsonl", *corpus),
    }[command]
    (place / "locked").chmod(0o500)
    ended = place.run(command, *more, prepare=without_rights)
    ended.owes(ended.code, "ermission")
    assert ended.code in (2, 5), ended.err


@pytest.mark.parametrize("words", [score(), ("list", "models"), ("doctor",), ("protocols",)])
def test_an_ascii_locale(place: Place, words: tuple[object, ...]) -> None:
    """The locale is ASCII (LC_ALL=C, no UTF-8 mode): the output is said in it, or refused in one line."""
    place.write("r.jsonl", REPORTS.replace("effusion", "épanchement"))
    env = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    ended = place.run(*words, env=env)
    if ended.code:
        ended.owes(5, "PYTHONIOENCODING=utf-8")


def test_the_output_is_closed(place: Place) -> None:
    """Whoever reads the output (`head`) has closed it."""
    place.write("r.jsonl", REPORTS)
    read, write = os.pipe()
    os.close(read)
    ended = place.run(*score(), stdout=write)
    os.close(write)
    assert (ended.code, ended.err) == (141, "")


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0 or shutil.which("mount") is None, reason="needs root")
def test_a_small_disk_fills_up(place: Place) -> None:
    """The run's disk (a file system of 128 kB) fills up: it goes on once there is space, with the same bytes."""
    import subprocess

    disk = place / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no file systems may be mounted here")
    try:
        words = (*evaluated(place)[:-1], "disk/run")
        place.run(*words).owes(5, "No space left on device", "resume with")
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        place.run(*words).owes(0)
        assert (disk / "run/results.json").read_bytes() == (place.made("run") / "results.json").read_bytes()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
