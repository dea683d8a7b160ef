"""Processes that are interrupted, killed or run beside each other."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kills import alive
from test_damaged_files import evaluated
from torment import Place

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals")]


def started(place: Place, words: tuple[object, ...], **more: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "rrgbench", *map(str, words)],
        cwd=place.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell's background jobs ignore interruptions
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **more,  # type: ignore[call-overload]
    )


def when(met: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until something is there, or the process has ended."""
    while process.poll() is None and not met():
        time.sleep(0.005)


@pytest.mark.parametrize("command", ["eval", "train"])
def test_an_interruption(place: Place, command: str) -> None:
    """Ctrl-C in the middle of the work: one line says how to resume (130)."""
    words: tuple[object, ...] = evaluated(place)
    out = place / "run/run.json"
    if command == "train":
        corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
        preset = place.made("trained").parent / "preset.yaml"
        words = ("train", "--model", "s&t", "--preset", preset, *corpus, "--out", "t")
        out = place / "t/training.json"
    process = started(place, words)
    when(out.exists, process)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=1500)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    last = told.strip().splitlines()[-1]
    assert last.startswith(f"rrgbench: interrupted; what was finished is kept; resume with: rrgbench {command}"), told
    place.run(*words).owes(0)


def test_the_end_of_input(place: Place) -> None:
    """Standard input is closed."""
    process = started(place, evaluated(place), stdin=subprocess.DEVNULL)
    _, told = process.communicate(timeout=1500)
    assert process.returncode == 0, told


@pytest.mark.parametrize("moment", ["workers begin", "workers work"])
def test_workers_of_a_killed_parent(place: Place, moment: str) -> None:
    """The parent of joblib's workers is killed: they end too, those that had nothing to do yet as well."""
    words = (*evaluated(place), "--backend", "processes", "--workers", "2")
    process = started(place, words)
    met: dict[str, Callable[[], bool]] = {
        "workers begin": lambda: len(alive(process.pid)) > 1,
        "workers work": lambda: len(list((place / "run/units").glob("*.json"))) > 0,
    }
    when(met[moment], process)
    before = alive(process.pid)
    process.kill()
    process.wait(timeout=1500)
    until = time.monotonic() + 60
    while (left := alive(process.pid)) and time.monotonic() < until:
        time.sleep(0.1)
    for one in left:
        os.kill(one, signal.SIGKILL)
    process.communicate(timeout=1500)
    assert len(before) > 1
    assert not left, f"{len(left)} of {len(before)} processes live on"
    place.run(*words).owes(0)
    assert (place / "run/results.json").read_bytes() == (place.made("run") / "results.json").read_bytes()


def test_leftovers_of_a_killed_run(place: Place) -> None:
    """Half-written files of killed runs lie in the run folder and the training: they are swept."""
    run = place.copy("run")
    (run / "finished.json").unlink()
    (run / "results.json").unlink()
    long_ago = time.time() - 7200
    left = [run / ".results.json.abc.partial", run / "units/.x.json.abc.partial"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\0" * 100)
        os.utime(path, (long_ago, long_ago))
    place.run(*evaluated(place)).owes(0)
    assert not [path for path in left if path.exists()]
    trained = place.copy("trained")
    half = trained / ".training.json.abc.partial"
    half.write_bytes(b"x")
    (trained / "training.json").unlink()
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    preset = place.made("trained").parent / "preset.yaml"
    place.run("train", "--model", "s&t", "--preset", preset, *corpus, "--out", "trained").owes(0)
    assert not half.exists()


@pytest.mark.parametrize("command", ["eval", "train"])
def test_two_at_once_in_one_folder(place: Place, command: str) -> None:
    """Two runs at once in one --out: the second is refused, or both end well, with the same bytes."""
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    preset = place.made("trained").parent / "preset.yaml"
    words: tuple[object, ...] = evaluated(place)
    name = "run/results.json"
    if command == "train":
        words = ("train", "--model", "s&t", "--preset", preset, *corpus, "--out", "trained")
        name = "trained/model.safetensors"
    both = [started(place, words) for _ in range(2)]
    told = [process.communicate(timeout=1500)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 2]), told
    if codes == [0, 2]:
        assert any("another" in one and "writes to" in one for one in told), told
    whole = place.made("run" if command == "eval" else "trained") / Path(name).name
    assert (place / name).read_bytes() == whole.read_bytes()
    assert b"\0\0\0\0" not in (place / name).read_bytes()[:4] if command == "eval" else True


def test_two_runs_share_a_film_cache(place: Place) -> None:
    """Two runs fill one cache of films at once, with room for one file alone: both end well, with the same bytes."""
    env = {**os.environ, "RRGBENCH_FILM_CACHE_GB": "0.00001"}
    both = []
    for name in ("one", "two"):
        words = (*evaluated(place)[:-1], name, "--film-cache", "films")
        both.append(started(place, words, env=env))
    told = [process.communicate(timeout=1500)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    expected = (place.made("run") / "results.json").read_bytes()
    assert all((place / name / "results.json").read_bytes() == expected for name in ("one", "two"))


def test_two_labellers_share_a_cache(place: Place) -> None:
    """Four labellers write one cache of labels at once: the labels are the rules' own."""
    import numpy as np

    from rrgbench.labelers import load
    from rrgbench.labelers.cache import CachedLabeler

    reports = [f"There is a {number} mm nodule and no effusion." for number in range(300)]
    expected = load("rules").label(reports)
    found: list[bool] = []

    def label() -> None:
        labels = CachedLabeler(load("rules"), place / "labels.sqlite").label(reports)
        found.append(bool(np.array_equal(labels, expected)))

    threads = [threading.Thread(target=label) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_a_run_killed_before_its_documents(place: Place) -> None:
    """A run is killed after its results and before its documents: the same command writes what is missing."""
    run = place.copy("run")
    whole = {name: (run / name).read_bytes() for name in ("tables.md", "tables.tex")}
    for name in ("report.html", "tables.tex", "tables.md", "config.yaml", "finished.json"):
        (run / name).unlink()
    place.run(*evaluated(place)).owes(0)
    assert {name: (run / name).read_bytes() for name in whole} == whole
    assert (run / "report.html").is_file()
    assert (run / "config.yaml").is_file()
