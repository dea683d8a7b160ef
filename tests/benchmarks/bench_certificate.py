"""What the certificate costs: scoring with it against scoring without, 3,858 references as MIMIC-CXR's test split has.

$ python tests/benchmarks/bench_certificate.py
"""

import csv

from table import Row, run, shared_folder

from rrgbench.data.phantom import load

STUDIES = 3858


def real_reports() -> list[str]:
    """Findings and impression of IU X-Ray; empty where it is not here."""
    path = shared_folder() / "iu_xray" / "openi_reports.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        texts = [f"{row.get('findings') or ''} {row.get('impression') or ''}".strip() for row in csv.DictReader(file)]
    return [text for text in texts if text][:STUDIES]


def phantom_reports() -> list[str]:
    """Reports that all differ."""
    corpus = load(train=0, validate=0, test=STUDIES, retrieval=0)
    return [study.report or "" for study in corpus.split("test")]


def certificate(name: str, references: list[str]) -> list[Row]:
    from time import process_time

    from rrgbench.scoring.score import score

    if len(references) < STUDIES:
        return []
    hypotheses = references[1:] + references[:1]

    def seconds(wanted: bool) -> float:
        begin = process_time()
        score(references, hypotheses, "dcrrg", certificate=wanted)
        return process_time() - begin

    seconds(True)
    # in turns, and time of the processor, so that other work on the machine hits both sides alike
    pairs = [(seconds(True), seconds(False)) for _ in range(3)]
    ours, plain = (min(side) for side in zip(*pairs, strict=True))
    work = f"all metrics with the certificate against without, {name}, {len(references):,} references"
    return [Row(work, ours, plain, ours / plain, "<= 2", "same")]


def main() -> None:
    run(
        __doc__,
        {
            "iu": lambda: certificate("IU X-Ray", real_reports()),
            "phantom": lambda: certificate("phantom", phantom_reports()),
        },
    )


if __name__ == "__main__":
    main()
