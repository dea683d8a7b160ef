"""Speed of the labelers: one command prints one table.

Run `python tests/benchmarks/bench_labelers.py` (options: `--pairs N`, `--vocabulary FILE`, `--rival-python FILE`,
`--threads N`, `--json`). `RRGBENCH_SHARED` names the folder with the real reports. CheXbert rows use random weights of
the real size. The rival is the f1chexbert package itself when `--rival-python` names the Python of an environment that
has it (`f1chexbert_rival.py` says how to make one); without one it is its way of working, one report per forward pass
in the reports' own order, in plain PyTorch. Both sides get torch's default threads, or `--threads`. Both sides' labels
are compared.

Times are measured on N of the 3,000 pairs, spread evenly. The last column carries them over to all 3,000 by counted
word pieces: all of them for the rival, those of distinct reports for ours.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

REPEATS = 3
"""Runs of each side; the fastest counts, since nothing but other work on the machine makes a run slower."""


def seconds(work: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Wall time of the fastest run, and its result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def rules_row(shared: Path, name: str) -> dict[str, Any]:
    """Reports per second of a version of the rule labeler on one core, sentences never seen before."""
    from rrgbench.labelers import load
    from rrgbench.labelers.rules.labeler import read_statement
    from rrgbench.labelers.rules.version1.labeler import read_sentence

    frame = pd.read_csv(shared / "iu_xray" / "indiana_reports.csv")
    reports = (frame["findings"].fillna("") + " " + frame["impression"].fillna("")).tolist()
    labeler = load(name)
    labeler.label(["warm up"])
    times = []
    for _ in range(3):
        read_sentence.cache_clear()
        read_statement.cache_clear()
        times.append(seconds(lambda: labeler.label(reports))[0])
    return {
        "work": f"{name}, {len(reports)} IU X-Ray reports, cold",
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


def plain_rival(weights: Path, vocabulary: Path, references: list[str], hypotheses: list[str]) -> dict[str, Any]:
    """f1chexbert's way of working, with the model of the installed transformers."""
    import torch
    from transformers import BertConfig, BertModel

    from rrgbench.labelers.chexbert import read_checkpoint, tokenizer_of

    state = read_checkpoint(weights)
    bert = BertModel(BertConfig(vocab_size=len(state["bert.embeddings.word_embeddings.weight"]))).eval()
    bert.load_state_dict({key.removeprefix("bert."): value for key, value in state.items() if key.startswith("bert.")})
    heads = [(state[f"linear_heads.{i}.weight"], state[f"linear_heads.{i}.bias"]) for i in range(14)]
    tokenizer = tokenizer_of(vocabulary)

    def classes(report: str) -> list[int]:
        ids = torch.tensor([tokenizer.encode(" ".join(report.split())).ids])
        vector = bert(ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0, 0]
        return [int((weight @ vector + bias).argmax()) for weight, bias in heads]

    with torch.no_grad():
        classes(references[0])
        took, found = seconds(lambda: [classes(report) for report in [*references, *hypotheses]], REPEATS)
    return {"call_s": took, "classes": found}


def package_rival(
    python: Path, weights: Path, vocabulary: Path, references: list[str], hypotheses: list[str], threads: int
) -> dict[str, Any]:
    """The f1chexbert package in its own environment: seconds to load, seconds of the whole call, classes."""
    reports = weights.parent / "reports.json"
    reports.write_text(json.dumps({"references": references, "hypotheses": hypotheses}), encoding="utf-8")
    command = [str(python), str(Path(__file__).with_name("f1chexbert_rival.py"))]
    command += ["--weights", str(weights), "--vocabulary", str(vocabulary), "--reports", str(reports)]
    command += ["--threads", str(threads), "--repeats", str(REPEATS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"f1chexbert failed: {ran.stderr.strip().splitlines()[-1]}")
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def chexbert_rows(shared: Path, vocabulary: Path | None, pairs: int, python: Path | None) -> list[dict[str, Any]]:
    """CheXbert on CPU: the whole f1chexbert call of both sides, and ours with the references' labels cached."""
    import torch

    from rrgbench.labelers import CachedLabeler, ChexbertLabeler
    from rrgbench.labelers.chexbert import CHEXBERT_ORDER, CLASSES, clean, tokenizer_of
    from rrgbench.labelers.f1chexbert import f1chexbert
    from rrgbench.observations import observation_index

    records = [json.loads(line) for line in (shared / "parity" / "pairs_3000.jsonl").read_text().splitlines()]
    everything = [[record[side] for record in records] for side in ("reference", "hypothesis")]
    picked = np.linspace(0, len(records) - 1, min(pairs, len(records))).round().astype(int)
    references, hypotheses = ([side[i] for i in picked] for side in everything)
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "vocab.txt"
        if vocabulary is None:  # whole words and letters: about as many pieces per report as bert-base-uncased's
            seen = sorted({word for side in everything for report in side for word in report.lower().split()})
            words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *seen]) + "\n", encoding="utf-8")
        else:
            words = vocabulary
        weights = Path(folder) / "chexbert.pth"
        write_random_checkpoint(weights, len(words.read_text(encoding="utf-8").splitlines()))
        if python is None:
            rival = plain_rival(weights, words, references, hypotheses)
        else:
            rival = package_rival(python, weights, words, references, hypotheses, torch.get_num_threads())
        loading, labeler = seconds(lambda: ChexbertLabeler(weights, words, device="cpu"))
        f1chexbert(hypotheses[:4], references[:4], labeler)  # warm up, as the rival does
        ours, scores = seconds(lambda: f1chexbert(hypotheses, references, labeler), REPEATS)
        later = []
        for run in range(REPEATS):
            cached = CachedLabeler(labeler, Path(folder) / f"labels{run}.sqlite")
            cached.label(references)
            later.append(seconds(lambda used=cached: f1chexbert(hypotheses, references, used)))
        second, again = min(later, key=lambda timed: timed[0])
        labels = cached.label([*references, *hypotheses])
        same = bool((labels[:, [observation_index(n) for n in CHEXBERT_ORDER]] == CLASSES[rival["classes"]]).all())
        if "accuracy" in rival:
            same &= scores.accuracy == again.accuracy == rival["accuracy"]
            same &= scores.report_14 == rival["report_14"] and scores.report_5 == rival["report_5"]

    tokenizer = tokenizer_of(words) if vocabulary is not None else None

    def pieces(reports: list[str]) -> int:
        if tokenizer is None:
            return sum(2 + len(report.split()) for report in reports)
        return sum(len(encoding.ids) for encoding in tokenizer.encode_batch(reports))

    def distinct(reports: list[str]) -> list[str]:
        return list(dict.fromkeys(clean(report) for report in reports))

    def carried_over(took: float, measured: list[str], all_of_them: list[str]) -> float:
        return took / pieces(measured) * pieces(all_of_them)

    sample, whole = [*references, *hypotheses], [*everything[0], *everything[1]]
    rival_whole = carried_over(rival["call_s"], sample, whole)
    ours_whole = carried_over(ours, distinct(sample), distinct(whole))
    new, new_whole = (
        [report for report in distinct(theirs) if report not in known]
        for theirs, known in (
            (hypotheses, set(distinct(references))),
            (everything[1], set(distinct(everything[0]))),
        )
    )
    second_whole = carried_over(second, new, new_whole)
    work = f"CheXbert on CPU, {len(references)} references + hypotheses, {torch.get_num_threads()} threads"
    about = {
        "rival": "one report per pass" if python is None else f"f1chexbert, transformers {rival['transformers']}",
        "distinct": f"{len(distinct(sample))} of {len(sample)}",
        "same_labels": same,
    }
    loads = {"load_s": loading, **({"rival_load_s": rival["load_s"]} if "load_s" in rival else {})}
    return [
        {
            "work": work,
            "ours_s": ours,
            "rival_s": rival["call_s"],
            "ratio": rival["call_s"] / ours,
            "owed": 2.5,
            **about,
            **loads,
            f"ratio_{len(records)}_pairs": rival_whole / ours_whole,
        },
        {
            "work": work + ", references cached",
            "ours_s": second,
            "rival_s": rival["call_s"],
            "ratio": rival["call_s"] / second,
            "owed": 5.0,
            **about,
            f"ratio_{len(records)}_pairs": rival_whole / second_whole,
        },
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="report pairs for the CheXbert rows; 0 leaves them out")
    parser.add_argument("--vocabulary", type=Path, help="bert-base-uncased's vocab.txt")
    parser.add_argument("--rival-python", type=Path, help="Python of an environment with the f1chexbert package")
    parser.add_argument("--threads", type=int, help="torch threads of both sides; by default what torch takes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    rows = [rules_row(shared, name) for name in ("rules@1", "rules@2", "rules@3", "rules@4")]
    if arguments.pairs:
        if arguments.threads:
            import torch

            torch.set_num_threads(arguments.threads)
        rows += chexbert_rows(shared, arguments.vocabulary, arguments.pairs, arguments.rival_python)
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
