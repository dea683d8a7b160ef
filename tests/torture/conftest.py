"""Faults provoked: each test says in its first line what happens, and asserts how the command must end."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import SUITE, make_corpus, make_preset
from torment import ALONE, Ended, Place, own_process

SEEN = pytest.StashKey[list[Ended]]()

OUTCOME = pytest.StashKey[str]()


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
    yield here
    request.node.stash[SEEN] = here.seen
    for path in [folder, *folder.rglob("*")]:
        # folders that were locked, so that pytest can clear up
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep the outcome beside what was seen."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.stash[OUTCOME] = report.outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Print what was seen, where that is asked for."""
    if not ALONE:
        return
    lines = ["", "| fault | what happened | exit | s | MB | as owed |", "|---|---|---:|---:|---:|---|"]
    for item in session.items:
        seen = item.stash.get(SEEN, [])
        last = seen[-1] if seen else Ended(0, "", "")
        doc = (getattr(item, "function", None).__doc__ or item.name).strip().splitlines()[0].rstrip(".")
        of = item.name.partition("[")[2].rstrip("]")
        what = last.last.removeprefix("rrgbench: ") if last.code else "done"
        cells = [
            f"{doc}{': ' + of if of else ''}",
            what.replace("|", "\\|")[:160],
            str(last.code),
            f"{sum(one.seconds for one in seen):.1f}",
            f"{max((one.peak for one in seen), default=0) / 1e6:.0f}",
            {"passed": "yes", "failed": "NO"}.get(item.stash.get(OUTCOME, "skipped"), "not run"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if told := os.environ.get("RRGBENCH_TORTURE_TABLE"):
        Path(told).write_text(text, encoding="utf-8")
