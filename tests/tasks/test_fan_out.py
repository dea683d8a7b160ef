"""Whoever measures the units, a run's files are the same bytes: this process, others of the machine, a Dask cluster."""

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rrgbench.data.phantom import load
from rrgbench.errors import InputError, MissingPartError
from rrgbench.models import load_model
from rrgbench.runs.store import RunFolder
from rrgbench.tasks import clusters, fan_out
from rrgbench.tasks.job import Options
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

SUITE = Suite(
    name="few",
    replicates=20,
    trivial=("fixed-template", "nearest-neighbour"),
    tasks={
        "report_generation": {},
        "clinical_efficacy": {},
        "classification": {"settings": ("own",)},
    },
)


def run(folder: Path, **how: object) -> dict[str, bytes]:
    """The run's files that hold numbers or texts, evaluated on a small phantom."""
    corpus = load(train=20, validate=2, test=12, retrieval=10)
    done = evaluate(load_model("most-frequent"), corpus, SUITE, folder, False, **how)
    assert done.computed > 0
    kept = [*folder.glob("units/*"), *folder.glob("predictions/*"), folder / "results.json", folder / "tables.md"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return run(tmp_path_factory.mktemp("alone"))


def test_two_processes_make_the_same_bytes(alone: dict[str, bytes], tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []

    def overall(what: str, done: int, total: int | None, note: str = "") -> None:
        told.append((what, done, total))

    assert run(tmp_path, backend="processes", workers=2, overall=overall) == alone
    assert told[-1][0] != "units"


def test_what_is_there_is_not_measured_again(alone: dict[str, bytes], tmp_path: Path) -> None:
    run(tmp_path)
    first = next(iter(sorted((tmp_path / "units").glob("*.json"))))
    kept = first.read_bytes()
    first.unlink()
    assert run(tmp_path, backend="processes", workers=2) == alone
    assert first.read_bytes() == kept


@pytest.fixture
def cluster(tmp_path: Path):
    """A scheduler's address, with two workers that are processes of their own."""
    pytest.importorskip("distributed", reason="needs dask.distributed (pip install rrgbench[dask])")
    told = tmp_path / "scheduler.json"
    common = ["--scheduler-file", str(told), "--no-dashboard"]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", *common]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nworkers", "2", "--nthreads", "1", *common]
    started = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) for command in (scheduler, worker)]
    try:
        while not told.is_file():
            assert all(one.poll() is None for one in started)
            time.sleep(0.2)
        yield json.loads(told.read_text(encoding="utf-8"))["address"]
    finally:
        for one in reversed(started):
            one.terminate()
            one.wait()


@pytest.mark.slow
def test_a_dask_cluster_makes_the_same_bytes(alone: dict[str, bytes], tmp_path: Path, cluster: str) -> None:
    from distributed import Client

    with Client(cluster) as client:
        client.wait_for_workers(2)
    assert run(tmp_path / "run", backend="dask", scheduler=cluster) == alone


def test_a_scheduler_that_does_not_answer_is_said_before_any_work(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("distributed")
    import distributed

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Timed out")

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp://localhost:1 "):
        run(tmp_path, backend="dask", scheduler="tcp://localhost:1")
    assert not list(tmp_path.glob("units/*"))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"backend": "threads"}, "no backend 'threads'; give one of: processes, dask, ray"),
        ({"backend": "processes", "scheduler": "tcp://here:1"}, "a scheduler is a cluster's"),
        ({"scheduler": "tcp://here:1"}, "add --backend dask"),
    ],
)
def test_backends_that_are_none(how: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        run(tmp_path, **how)


@pytest.mark.parametrize("backend", clusters.CLUSTERS)
def test_a_cluster_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setattr(clusters.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingPartError, match=rf"rrgbench\[{backend}\]"):
        fan_out.check_backend(Options(backend=backend))


@pytest.mark.slow
def test_ray_makes_the_same_bytes(alone: dict[str, bytes], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs Ray (pip install rrgbench[ray])")
    assert run(tmp_path, backend="ray", workers=2) == alone


@pytest.mark.slow
@pytest.mark.parametrize("address", ["localhost:1", "ray://localhost:1", "nowhere", "localhost:port"])
def test_a_ray_cluster_that_does_not_answer_is_said_before_any_work(tmp_path: Path, address: str) -> None:
    pytest.importorskip("ray", reason="needs Ray (pip install rrgbench[ray])")
    with pytest.raises(InputError, match=f"no Ray cluster answers at {address} "):
        run(tmp_path, backend="ray", scheduler=address)
    assert not list(tmp_path.glob("units/*"))


def test_workers_of_another_version_are_refused() -> None:
    clusters._check_versions("Ray", [clusters.__version__])
    with pytest.raises(InputError, match=r"Ray workers have rrgbench 0\.1\.0, and .* is here; install the same"):
        clusters._check_versions("Ray", [clusters.__version__, "0.1.0"])


def test_units_that_are_written_elsewhere_are_waited_for_and_then_missed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fan_out, "_APPEARS", 0.1)
    with pytest.raises(InputError, match="1 units that workers wrote are not in shared"):
        fan_out._seen(RunFolder(tmp_path / "shared"), ["0" * 64])


def test_what_workers_log_is_said_here_once(caplog: pytest.LogCaptureFixture) -> None:
    told = [fan_out._Told(None, (("rrgbench.tasks.job", logging.WARNING, "no films"),))] * 3
    fan_out._retold(told)
    assert [record.getMessage() for record in caplog.records] == ["no films"]
