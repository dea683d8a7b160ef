"""Speed of the labelers: one command prints one table.

Run `python tests/benchmarks/bench_labelers.py` (options: `--pairs N` for the CheXbert rows, `--vocabulary FILE`,
`--json`). `RRGBENCH_SHARED` names the folder with the real reports. CheXbert rows use random weights of the real size;
the rival is f1chexbert's way of working, one report per forward pass in reports' own order, written here in plain
PyTorch, because the package itself does not run on transformers 5. It is timed with all cores and with one, and the
faster counts: on a busy machine many cores per small matrix are slower than one. Both sides' labels are compared.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of one run, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def rules_row(shared: Path) -> dict[str, Any]:
    """Reports per second of the rule labeler on one core, sentences never seen before."""
    from rrgbench.labelers import load
    from rrgbench.labelers.rules.labeler import read_sentence

    frame = pd.read_csv(shared / "iu_xray" / "indiana_reports.csv")
    reports = (frame["findings"].fillna("") + " " + frame["impression"].fillna("")).tolist()
    labeler = load("rules")
    labeler.label(["warm up"])
    times = []
    for _ in range(3):
        read_sentence.cache_clear()
        times.append(seconds(lambda: labeler.label(reports))[0])
    return {
        "work": f"rules, {len(reports)} IU X-Ray reports, cold",
        "ours_per_s": len(reports) / min(times),
        "owed_per_s": 2000.0,
    }


def write_random_checkpoint(path: Path, words: int) -> None:
    """A checkpoint in CheXbert's format with random weights, heads spread so that labels differ between reports."""
    import torch
    from transformers import BertConfig, BertModel

    generator = torch.Generator().manual_seed(0)
    state = {
        f"module.bert.{key}": torch.randn(value.shape, generator=generator) * 0.08
        if value.ndim == 2 and "embeddings" not in key
        else value
        for key, value in BertModel(BertConfig(vocab_size=words)).state_dict().items()
    }
    for head in range(14):
        classes = 4 if head < 13 else 2
        state[f"module.linear_heads.{head}.weight"] = torch.randn(classes, 768, generator=generator) * 0.3
        state[f"module.linear_heads.{head}.bias"] = torch.zeros(classes)
    torch.save({"model_state_dict": state}, path)


def chexbert_rows(shared: Path, vocabulary: Path | None, pairs: int) -> list[dict[str, Any]]:
    """CheXbert on CPU: ours against one report per pass, and a second run from the cache."""
    import torch

    from rrgbench.labelers import CachedLabeler, ChexbertLabeler
    from rrgbench.labelers.chexbert import CHEXBERT_ORDER, CLASSES, clean
    from rrgbench.observations import observation_index

    lines = (shared / "parity" / "pairs_3000.jsonl").read_text(encoding="utf-8").splitlines()[:pairs]
    records = [json.loads(line) for line in lines]
    reports = [record[side] for side in ("reference", "hypothesis") for record in records]
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "vocab.txt"
        if vocabulary is None:  # whole words and letters: about as many pieces per report as bert-base-uncased's
            seen = sorted({word for report in reports for word in report.lower().split()})
            words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *seen]) + "\n", encoding="utf-8")
        else:
            words = vocabulary
        weights = Path(folder) / "chexbert.pth"
        write_random_checkpoint(weights, len(words.read_text(encoding="utf-8").splitlines()))
        labeler = ChexbertLabeler(weights, words, device="cpu")

        def one_by_one() -> np.ndarray:
            with torch.no_grad():
                ids = [torch.tensor([labeler._tokenizer.encode(clean(report)).ids]) for report in reports]
                heads = [labeler._model(report, torch.ones_like(report)) for report in ids]
            return np.array([[int(scores.argmax()) for scores in report] for report in heads])

        labeler.label(reports[:4])
        cores = torch.get_num_threads()
        all_cores, classes = seconds(one_by_one)
        torch.set_num_threads(1)
        one_core, _ = seconds(one_by_one)
        torch.set_num_threads(cores)
        rival = min(all_cores, one_core)
        ours, labels = seconds(lambda: labeler.label(reports))
        cached = CachedLabeler(labeler, Path(folder) / "labels.sqlite")
        cached.label(reports[: len(records)])  # references known, hypotheses new
        second, _ = seconds(lambda: cached.label(reports))
        columns = [observation_index(name) for name in CHEXBERT_ORDER]
        same = bool((labels[:, columns] == CLASSES[classes]).all())
    work = f"CheXbert on CPU, {len(records)} references + hypotheses"
    timing = {"rival_s": rival, "rival_all_cores_s": all_cores, "rival_one_core_s": one_core}
    return [
        {"work": work, "ours_s": ours, **timing, "ratio": rival / ours, "owed": 2.5, "same_labels": same},
        {"work": work + ", references cached", "ours_s": second, **timing, "ratio": rival / second, "owed": 5.0},
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="report pairs for the CheXbert rows; 0 leaves them out")
    parser.add_argument("--vocabulary", type=Path, help="bert-base-uncased's vocab.txt")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    rows = [rules_row(shared)]
    if arguments.pairs:
        rows += chexbert_rows(shared, arguments.vocabulary, arguments.pairs)
    machine = {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 1),
        **{name: version(name) for name in ("numpy", "torch", "transformers")},
    }
    if arguments.json:
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))
        return
    print(machine)
    for row in rows:
        cells = (f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}" for key, value in row.items())
        print("  ".join(cells))


if __name__ == "__main__":
    main()
