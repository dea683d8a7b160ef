"""Peak memory of `rrgbench.evaluate` on corpora of growing size: `python tests/benchmarks/bench_memory.py 1000 10000`.

The films are drawn from their number, the model does little arithmetic, and each size runs in a process of its own. A
fifth of the studies is tested on and the rest trains probes; `--all-test` tests on all but 500, `--films-only` leaves
their reports out, and with them what scoring reports needs. At 224 pixels 50,000 films are 2.5 GB, so whatever holds
them shows. `--parts` tells the peak of each unit of work (Linux).
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from table import machine

from rrgbench.data.corpus import Corpus
from rrgbench.data.study import Study
from rrgbench.observations import OBSERVATIONS

SIZES = (1_000, 10_000)
PIXELS = 224
OWED = 1.2
"""Peak of the largest corpus over that of the smallest."""


@dataclass(frozen=True)
class NumberedFilm:
    """A film that is drawn from its number: 14 x 14 patches."""

    number: int
    view: str = "PA"

    def load(self, size: int) -> NDArray[np.uint8]:
        """Patches of random grey (size, size)."""
        patches = np.random.default_rng(self.number).integers(0, 256, (14, 14), dtype=np.uint8)
        side = -(-size // 14)
        return np.ascontiguousarray(patches.repeat(side, axis=0).repeat(side, axis=1)[:size, :size])


def corpus_of(studies: int, tested: int, reported: bool, validated: int = 0) -> Corpus:
    """Studies with a film, labels and, if asked for, a report; the first `tested` are the test split."""
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([-2, -1, 0, 1], np.int8), (studies, len(OBSERVATIONS)), p=[0.6, 0.05, 0.2, 0.15])
    words = [f"{name.lower()} is seen" for name in OBSERVATIONS]

    def study(number: int) -> Study:
        said = " . ".join(word for word, label in zip(words, labels[number], strict=True) if label == 1)
        return Study(
            study_id=f"s{number}",
            subject_id=f"p{number}",
            split="test" if number < tested else "validate" if number < tested + validated else "train",
            images=(NumberedFilm(number),),
            report=f"{said or 'the lungs are clear'} ." if reported else None,
            labels=labels[number],
            labels_source="drawn",
        )

    return Corpus(
        "numbered", hashlib.sha256(f"{studies} {tested}".encode()).hexdigest(), [study(n) for n in range(studies)]
    )


class Small:
    """Answers every protocol from 8 x 8 means of a film."""

    name, identity, image_size = "small", "small@1", PIXELS

    def _features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        means = images.reshape(len(images), 8, PIXELS // 8, 8, PIXELS // 8).mean(axis=(2, 4), dtype=np.float32)
        return means.reshape(len(images), 64) / 255

    def generate_reports(self, images: NDArray[np.uint8]) -> list[str]:
        """One of many reports by the brightest mean."""
        return [f"{OBSERVATIONS[row % 14].lower()} is seen ." for row in self._features(images).argmax(axis=1)]

    def predict_observations(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The first 14 means."""
        return self._features(images)[:, :14]

    def embed_images(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The means as unit vectors."""
        found = self._features(images)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def embed_reports(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors by a digest of the text."""
        rows = [np.frombuffer(hashlib.sha512(text.encode()).digest(), np.uint8).astype(np.float32) for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in rows])

    @property
    def backbone(self) -> object:
        """The means, after a small trained layer."""
        from torch import nn

        return nn.Sequential(_Scaled(), nn.AvgPool2d(PIXELS // 8), nn.Flatten(), nn.Linear(64, 16))


def _Scaled() -> object:  # noqa: N802
    from torch import Tensor, nn

    class Scaled(nn.Module):
        def forward(self, films: Tensor) -> Tensor:
            return films.unsqueeze(1).float() / 255

    return Scaled()


def peak_megabytes(anew: bool = False) -> int:
    """The most memory that this process has held, since it began or since it was last counted anew."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def measure(studies: int, tested: int, reported: bool) -> dict[str, int | dict[str, int]]:
    """Evaluate in this process."""
    from rrgbench.tasks.runner import evaluate
    from rrgbench.tasks.suite import load_suite

    suite = load_suite("full").model_copy(update={"replicates": 100})
    parts: dict[str, int] = {}
    now = ["start"]

    def progress(what: str, done: int, total: int | None, note: str = "") -> None:
        if what != now[0]:
            parts[now[0]] = max(parts.get(now[0], 0), peak_megabytes(anew=True))
            now[0] = what

    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        evaluate(Small(), corpus_of(studies, tested, reported), suite, folder, progress=progress)
    parts[now[0]] = peak_megabytes()
    seconds = round(time.perf_counter() - begin)
    return {"studies": studies, "peak_mb": max(parts.values()), "seconds": seconds, "parts": parts}


def main() -> None:
    """Measure each size in a process of its own, and tell how much the last needs over the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="studies of each corpus")
    parser.add_argument("--all-test", action="store_true", help="test on all studies but 500")
    parser.add_argument("--films-only", action="store_true", help="studies have no reports")
    parser.add_argument("--parts", action="store_true", help="tell the peak of each unit of work too")
    parser.add_argument("--one", action="store_true", help="measure one size in this process")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.one:
        (size,) = options.sizes
        print(json.dumps(measure(size, size - 500 if options.all_test else size // 5, not options.films_only)))
        return
    rows = []
    for size in options.sizes:
        command = [
            sys.executable,
            __file__,
            "--one",
            str(size),
            *(word for word in sys.argv if word in ("--all-test", "--films-only")),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{size:,} studies: {rows[-1]['peak_mb']:,} MB, {rows[-1]['seconds']} s", file=sys.stderr, flush=True)
    growth = rows[-1]["peak_mb"] / rows[0]["peak_mb"]
    if options.json:
        print(json.dumps({"machine": machine(), "peaks": rows, "growth": growth, "rows": []}))
        return
    print("| studies | peak, MB | seconds |\n|---|---|---|")
    for row in rows:
        print(f"| {row['studies']:,} | {row['peak_mb']:,} | {row['seconds']} |")
    if options.parts:
        for part in rows[-1]["parts"]:
            print(f"{part}: {', '.join(str(row['parts'].get(part, '-')) for row in rows)} MB")
    print(f"\ngrowth {growth:.2f} (owed: at most {OWED})\n{machine()}")


if __name__ == "__main__":
    main()
