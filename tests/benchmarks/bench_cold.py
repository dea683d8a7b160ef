"""Whole processes, imports included, against the processes that they replace: `python tests/benchmarks/bench_cold.py`.

Times are of the processor, own and of processes started (METEOR's jar is one), which other work on the machine hardly
moves, and beside them of the clock, for a quiet machine; sides run in turns and the best of each counts. The values of
both sides are compared.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_metrics import report_pairs
from table import Row, run

READ = "import json, sys; refs, hyps = json.load(open(sys.argv[1], encoding='utf-8'))\n"
OURS = (
    READ
    + """
from rrgbench.scoring.score import score
found = score(refs, hyps, "raw", ["bleu", "meteor", "rouge_l", "cider"], False, certificate=CERTIFICATE)
print(json.dumps([value.value for value in found.values()]))
"""
)
RIVAL = (
    READ
    + """
import contextlib, io
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
gts, res = ({at: [text] for at, text in enumerate(side)} for side in (refs, hyps))
with contextlib.redirect_stdout(io.StringIO()):
    values = list(Bleu(4).compute_score(gts, res, verbose=0)[0])
    jar = Meteor()
    values.append(jar.compute_score(gts, res)[0])
    values += [Rouge().compute_score(gts, res)[0], Cider().compute_score(gts, res)[0]]
jar.meteor_p.stdin.close()
jar.meteor_p.wait()
print(json.dumps(values))
"""
)
LIGHT = ("torch", "pandas", "scipy", "sklearn")
TURNS = 3


def process(command: list[str], compiled: Path) -> tuple[float, float, str]:
    """Processor seconds of a process and of those it started, seconds of the clock, and what it printed.

    What Python compiles is kept in a folder, as it is after any installation, whatever this machine's setting is.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, began = os.times(), time.perf_counter()
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(compiled)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    after, passed = os.times(), time.perf_counter() - began
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, passed, done.stdout


def scoring() -> list[Row]:
    """Four metrics of 3,000 pairs, with the certificate and without."""
    sides = {
        "plain": OURS.replace("CERTIFICATE", "False"),
        "certified": OURS.replace("CERTIFICATE", "True"),
        "rival": RIVAL,
    }
    best = {name: np.full(2, np.inf) for name in sides}
    values: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pairs.json")
        path.write_text(json.dumps(report_pairs()), encoding="utf-8")
        # METEOR's tables are made once a machine, and each side is compiled once
        for source in sides.values():
            process([sys.executable, "-c", source, str(path)], Path(folder))
        for _ in range(TURNS):
            for name, source in sides.items():
                *spent, printed = process([sys.executable, "-c", source, str(path)], Path(folder))
                best[name] = np.minimum(best[name], spent)
                values[name] = np.array(json.loads(printed))
    difference = float(np.abs(values["plain"] - values["rival"]).max())
    what = "BLEU+METEOR+ROUGE-L+CIDEr, 3,000 pairs, whole process, against pycocoevalcap's"
    rows = []
    for kind, plain, certified, rival in zip(("processor", "clock"), *best.values(), strict=True):
        rows += [
            Row(f"{what}, by the {kind}", plain, rival, rival / plain, ">= 20", f"max {difference:.0e}"),
            Row(
                f"the same with the best constant reports, by the {kind}",
                certified,
                rival,
                rival / certified,
                "-",
                "same",
            ),
        ]
    return rows


def starting() -> list[Row]:
    """The command line's help, and what it loads that it needn't."""
    program = "import sys\nsys.argv = ['rrgbench', '--help']\nfrom rrgbench.cli.main import run\n"
    program += f"try:\n    run()\nfinally:\n    print('LOADED', [name for name in {LIGHT!r} if name in sys.modules])\n"
    with tempfile.TemporaryDirectory() as folder:
        spent, _, printed = min(process([sys.executable, "-c", program], Path(folder)) for _ in range(TURNS))
    loaded = printed.rsplit("LOADED", 1)[1].strip()
    return [Row("rrgbench --help", spent, None, None, "no torch, no pandas", f"loads {loaded} of {', '.join(LIGHT)}")]


def full_suite() -> list[Row]:
    """The main job on the embedded default; the clock's time on a quiet machine of two cores is what is owed."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["rrgbench", "eval", "--model", "dcrrg", "--suite", "full", "--out", str(Path(folder, "run"))]
        spent, _, _ = process(command, Path(folder, "compiled"))
    return [Row("rrgbench eval --model dcrrg --suite full", spent, None, None, "<= 720 of two cores", "-")]


if __name__ == "__main__":
    run(__doc__, {"scoring": scoring, "help": starting, "suite": full_suite})
