"""Two processes that torchrun started make a run's bytes together; a share that was killed is kept."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rrgbench.data.phantom import load
from rrgbench.models import load_model
from rrgbench.runs.store import RunFolder
from rrgbench.tasks import report_writing
from rrgbench.tasks.job import Options, job
from rrgbench.tasks.launched import Ranks, do_share
from rrgbench.tasks.suite import Suite

SUITE = """
name: few
trivial: [fixed-template]
replicates: 20
tasks:
  report_generation: {limit: 40}
  clinical_efficacy: {limit: 40}
"""
RUN = "rrgbench eval --model most-frequent --suite few.yaml --out"


def kept(folder: Path) -> dict[str, bytes]:
    files = [*folder.glob("units/*"), *folder.glob("predictions/*"), folder / "results.json", folder / "tables.md"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


FINE_TUNED = """
name: tuned
trivial: []
replicates: 20
tasks:
  classification: {settings: [finetune], fractions: [0.25, 0.5], steps: 4, fewest_steps: 4, limit: 40}
"""


@pytest.mark.slow
def test_two_processes_fine_tune_as_one(tmp_path: Path) -> None:
    (tmp_path / "few.yaml").write_text(FINE_TUNED, encoding="utf-8")
    small = "rrgbench eval --model random --model-option preset=mini --suite few.yaml --option train=60 --out"
    # training adds in another order with more threads, and torchrun gives each process one
    here = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    launcher = [
        sys.executable,
        *["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"],
    ]
    for command in ([*small.split(), "alone"], [*launcher, *small.split(), "together"]):
        done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    assert kept(tmp_path / "together") == kept(tmp_path / "alone")


@pytest.mark.slow
def test_two_processes_make_the_bytes_of_one(tmp_path: Path) -> None:
    launcher = "-m torch.distributed.run --standalone --nproc-per-node 2 --no-python"
    (tmp_path / "few.yaml").write_text(SUITE, encoding="utf-8")
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def call(command: list[str]) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    alone = call([*RUN.split(), "alone"])
    together = call([sys.executable, *launcher.split(), *RUN.split(), "together"])
    assert kept(tmp_path / "together") == kept(tmp_path / "alone")
    assert together.count("BLEU-4") == alone.count("BLEU-4")


def test_shares_are_joined_in_the_order_of_the_studies_and_a_killed_one_is_gone_on_with(tmp_path: Path) -> None:
    corpus = load(train=20, validate=2, test=12, retrieval=0)
    tasks = {"report_generation": {}, "clinical_efficacy": {}}
    suite = Suite(name="few", replicates=20, trivial=(), tasks=tasks)

    class Numbering:
        """Writes which film of all it has seen a film is."""

        name, identity, image_size, written = "numbering", "numbering@1", 32, 0

        def generate_reports(self, images):
            self.written += len(images)
            return [f"film {int(film.astype(int).sum())} ." for film in images]

    def process(folder: Path, rank: int, count: int) -> Numbering:
        model = Numbering()
        prepared = job([model], corpus, suite, RunFolder(folder), None, Options())
        (running,) = prepared.running
        running.write_share(rank, count)
        return model

    assert [process(tmp_path, rank, 3).written for rank in (1, 2)] == [4, 4]
    (share, _) = sorted((tmp_path / "predictions").iterdir())
    lines = share.read_text(encoding="utf-8").splitlines(keepends=True)
    share.write_text("".join(lines[:2]) + lines[2][:9], encoding="utf-8")
    # two of rank 1 are lost, and another number of processes goes on
    assert [process(tmp_path, rank, 2).written for rank in (0, 1)] == [3, 3]

    model = Numbering()
    prepared = job([model], corpus, suite, RunFolder(tmp_path), None, Options())
    do_share(prepared, Ranks(0, 1, lambda: None))
    (written,) = (tmp_path / "predictions").iterdir()
    rows = [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
    assert [row["study_id"] for row in rows] == [study.study_id for study in corpus.split("test")]
    assert model.written == 0


def test_one_of_several_processes_finishes_the_file_that_all_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = load(train=20, validate=2, test=12, retrieval=0)
    suite = Suite(name="few", replicates=20, trivial=(), tasks={"report_generation": {}, "clinical_efficacy": {}})
    all_here = threading.Barrier(2)
    writers: list[tuple[str, str]] = []
    append = report_writing._append

    def watched(evaluation, part, *given):
        writers.append((threading.current_thread().name, part.name.rpartition(".")[2]))
        return append(evaluation, part, *given)

    monkeypatch.setattr(report_writing, "_append", watched)

    def process(rank: int) -> None:
        try:
            prepared = job([load_model("most-frequent")], corpus, suite, RunFolder(tmp_path), None, Options())
            do_share(prepared, Ranks(rank, 2, lambda: all_here.wait(600)))
        except BaseException:
            all_here.abort()
            raise

    threads = [threading.Thread(target=process, args=(rank,), name=f"rank {rank}") for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(writers) == [("rank 0", "part"), ("rank 0", "part-0-of-2"), ("rank 1", "part-1-of-2")]
    (written,) = (tmp_path / "predictions").iterdir()
    assert len(written.read_text(encoding="utf-8").splitlines()) == 12
