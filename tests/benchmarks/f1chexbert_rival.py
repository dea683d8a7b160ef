"""Runs the f1chexbert package itself on reports from a file and prints its times and classes as JSON.

`bench_labelers.py` starts this in an environment of its own, since f1chexbert 0.0.2 is made for older packages:

    python -m venv ENV && ENV/bin/pip install f1chexbert==0.0.2 transformers==4.57.3 huggingface_hub==0.36.2 torch

The package's code runs as it is. Replaced are only its downloads, by the local files given, and, where the installed
scikit-learn no longer has them, two private functions that it calls after all labels are made.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def use_local_files(package: Any, weights: Path, vocabulary: Path) -> None:
    """Let the package find weights, configuration and vocabulary in local files instead of on the hub."""
    from transformers import BertConfig, BertTokenizer

    words = len(vocabulary.read_text(encoding="utf-8").splitlines())

    class LocalTokenizer:
        @staticmethod
        def from_pretrained(_name: str) -> Any:
            return BertTokenizer(str(vocabulary), do_lower_case=True)

    class LocalConfig:
        @staticmethod
        def from_pretrained(_name: str) -> Any:
            return BertConfig(vocab_size=words)

    package.BertTokenizer = LocalTokenizer
    package.AutoConfig = LocalConfig
    package.CACHE_DIR = str(weights.parent)  # it looks for chexbert.pth there


def fit_scikit_learn(package: Any) -> None:
    """`_check_targets` returned three values when the package was written, `count_nonzero` took dense arrays."""
    check = package._check_targets

    def three(truth: Any, given: Any) -> Any:
        found = check(truth, given)
        return found if len(found) == 3 else (found[0], found[2], found[3])

    def nonzero(differences: Any, axis: int) -> Any:
        dense = differences.toarray() if hasattr(differences, "toarray") else np.asarray(differences)
        return np.count_nonzero(dense, axis=axis)

    package._check_targets = three
    package.count_nonzero = nonzero


def main() -> None:
    """Load, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="a file named chexbert.pth")
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--reports", type=Path, required=True, help="JSON with lists `references` and `hypotheses`")
    parser.add_argument("--threads", type=int, help="torch threads; by default what torch takes")
    parser.add_argument("--repeats", type=int, default=1, help="the fastest call counts")
    arguments = parser.parse_args()
    import torch
    import transformers
    from f1chexbert import f1chexbert as package

    if int(transformers.__version__.split(".")[0]) > 4:
        sys.exit(f"f1chexbert does not run on transformers {transformers.__version__}; see the head of this file")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    use_local_files(package, arguments.weights, arguments.vocabulary)
    fit_scikit_learn(package)
    reports = json.loads(arguments.reports.read_text(encoding="utf-8"))

    start = time.perf_counter()
    scorer = package.F1CheXbert(device="cpu")
    loading = time.perf_counter() - start
    classes: list[list[int]] = []
    scorer.model.register_forward_hook(
        lambda _module, _given, heads: classes.append([int(head.argmax(dim=1)) for head in heads])
    )
    scorer.get_label(reports["references"][0])  # warm up
    times = []
    for _ in range(arguments.repeats):
        classes.clear()
        start = time.perf_counter()
        accuracy, per_report, report_14, report_5 = scorer(hyps=reports["hypotheses"], refs=reports["references"])
        times.append(time.perf_counter() - start)
    result = {
        "load_s": loading,
        "call_s": min(times),
        "threads": torch.get_num_threads(),
        "attention": scorer.model.bert.config._attn_implementation,
        "classes": classes,
        "accuracy": float(accuracy),
        "per_report": per_report.tolist(),
        "report_14": report_14,
        "report_5": report_5,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    print(json.dumps(result, default=float))


if __name__ == "__main__":
    main()
