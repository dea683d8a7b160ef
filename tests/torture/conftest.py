"""Faults provoked: each test says in its first line what happens, and asserts how the command must end."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from places import SUITE, make_corpus, make_preset
from torment import ALONE, Ended, Place, own_process

SEEN = pytest.StashKey[list[Ended]]()

ROW = "rrgbench"
"""What a test saw, among the properties of its report."""

GATHERED: dict[str, tuple[tuple[str, int | None, str], dict[str, Any], str]] = {}
"""Place, row and verdict of each test that has run, by its name."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Corpora, runs and trainings, made when first asked for."""
    root = tmp_path_factory.mktemp("made")

    def make(name: str) -> Path:
        place = root / name
        if place.exists():
            return place
        if name == "corpus":
            return make_corpus(place)
        corpus = ("--corpus", "jsonl", "--root", make("corpus"))
        if name == "run":
            suite = root / "suite.yaml"
            suite.write_text(str(SUITE))
            words = ("eval", "--model", "fixed-template", "--suite", suite, *corpus, "--out", place)
        else:
            preset = make_preset(root / "preset.yaml")
            words = ("train", "--model", "s&t", "--preset", preset, *corpus, "--out", place)
        ended = own_process([str(word) for word in words], root)
        assert ended.code == 0, ended.err
        return place

    return make


@pytest.fixture
def place(
    tmp_path: Path,
    made: Callable[[str], Path],
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Place]:
    """An empty folder, which the command is called in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    here = Place(folder, run_command, made)
    request.node.stash[SEEN] = here.seen
    yield here
    for path in [folder, *folder.rglob("*")]:
        # folders that were locked, so that pytest can clear up
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Write into the report, which pytest-xdist carries to the process that prints, what was seen."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    doc = (getattr(item, "function", None).__doc__ or item.name).strip().splitlines()[0].rstrip(".")
    of = item.name.partition("[")[2].rstrip("]")
    seen = item.stash.get(SEEN, [])
    last = seen[-1] if seen else Ended(0, "", "")
    row = {
        "fault": f"{doc}{': ' + of if of else ''}",
        "what": last.last.removeprefix("rrgbench: ") if last.code else "done",
        "code": last.code,
        "seconds": sum(one.seconds for one in seen),
        "processor": sum(one.processor for one in seen),
        "peak": max((one.peak for one in seen), default=0.0),
    }
    report.user_properties.append((ROW, row))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather what the tests saw, whichever process ran them."""
    row = dict(report.user_properties).get(ROW, {"fault": report.nodeid})
    verdict = {"passed": "yes", "failed": "NO", "skipped": "not run"}[report.outcome]
    kept = GATHERED.setdefault(report.nodeid, (report.location, row, verdict))
    if report.when == "call" or report.outcome != "passed":
        # what fails after its end has failed
        GATHERED[report.nodeid] = (report.location, row, "NO" if kept[2] == "NO" else verdict)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was seen, where that is asked for."""
    if not ALONE:
        return
    lines = ["| fault | what happened | exit | s | CPU s | MB | as owed |", "|---|---|---:|---:|---:|---:|---|"]
    for _, row, verdict in sorted(GATHERED.values(), key=lambda one: (one[0][0], one[0][1] or 0, one[0][2])):
        cells = [
            row["fault"],
            row.get("what", ""),
            row.get("code", ""),
            f"{row.get('seconds', 0):.1f}",
            f"{row.get('processor', 0):.1f}",
            f"{row.get('peak', 0) / 1e6:.0f}",
            verdict,
        ]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|")[:160] for cell in cells) + " |")
    text = "\n".join(lines) + "\n"
    terminalreporter.write("\n" + text)
    if told := os.environ.get("RRGBENCH_TORTURE_TABLE"):
        Path(told).write_text(text, encoding="utf-8")
