"""Fixtures shared by all tests."""

import gc
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from rrgbench.cli.ending import run_to_the_end
from rrgbench.cli.main import app
from rrgbench.data.phantom.film import PhantomFilm

# a busy machine is no defect: no test has a time limit of its own
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real corpora; tests that need it skip where it is absent."""
    root = Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (root / "iu_xray").is_dir():
        pytest.skip(f"the real corpora are not here ({root}); set RRGBENCH_SHARED to their folder")
    return root


@pytest.fixture
def run_command(capfd: pytest.CaptureFixture[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command within the test's process; a process of its own would import PyTorch anew each time."""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        given = [str(word) for word in words]
        capfd.readouterr()
        code = run_to_the_end(app, given)
        told = capfd.readouterr()
        return subprocess.CompletedProcess(given, int(code), told.out, told.err)

    return run


@pytest.fixture(autouse=True)
def _one_thread_for_equal_weights(request: pytest.FixtureRequest) -> Iterator[None]:
    """On a busy machine several threads may share out a sum otherwise, and its last bit with it."""
    if request.node.get_closest_marker("equal_weights") is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


_drawn = PhantomFilm.load
_kept = lru_cache(maxsize=20_000)(_drawn)


@pytest.fixture(scope="module", autouse=True)
def _what_is_loaded_stays() -> None:
    """Each training begins by a search for garbage, which would go through PyTorch and all tests each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _films_are_drawn_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """A small phantom film that several tests ask for is drawn once, except where the tests are of its drawing."""

    def load(film: PhantomFilm, size: int) -> object:
        return _kept(film, size).copy() if size <= 64 else _drawn(film, size)

    with pytest.MonkeyPatch.context() as patch:
        if "data" not in request.path.relative_to(Path(__file__).parent).parts:
            patch.setattr(PhantomFilm, "load", load)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of equal weights skip where kernels add in no fixed order."""
    if torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("equal_weights"):
                item.add_marker(pytest.mark.skip(reason="a GPU's kernels add in no fixed order"))
