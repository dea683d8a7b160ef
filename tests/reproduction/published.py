"""Invented reports and outputs, on which every choice of the search changes the figures."""

from rrgbench.reproduction.figures import Figure
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import Protocol, load_protocol
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score_pairs

FINDINGS = ["heart", "lungs", "aorta", "pleura", "bones", "spine", "apex", "hilum"]
STATES = ["normal", "clear", "enlarged", "tortuous", "blunted", "fractured", "calcified", "hazy"]
DIGITS = 6


def report(seed: int, sentences: int) -> str:
    pick = [(seed * 7 + place * 3 + seed * place) % 64 for place in range(sentences)]
    return " ".join(f"The {FINDINGS[at // 8]} is {STATES[at % 8]} on view {'abcdefghij'[at % 10]}{at}." for at in pick)


TRAINING = tuple(report(seed, 2 + seed % 4) for seed in range(40))
REFERENCES = tuple(report(seed, 3 + seed % 9) for seed in range(50, 80))
HYPOTHESES = tuple(
    text.lower() if seed % 3 else text for seed in range(50, 80) for text in [report(seed + seed % 2, 3 + seed % 4)]
)
PAIRS = ReportPairs(tuple(map(str, range(30))), tuple((text,) for text in REFERENCES), HYPOTHESES)
METRICS = ("bleu_1", "bleu_2", "bleu_4", "rouge_l", "cider")


def printed_under(protocol: Protocol, metrics: tuple[str, ...] = METRICS) -> dict[str, Figure]:
    """Figures as somebody prints them who used that protocol."""
    options = scoring(
        protocol, metrics=metrics, intervals=False, certificate=False, training_reports=TRAINING, allow=["vocabulary"]
    )
    return {key: Figure.of(f"{value.value:.{DIGITS}f}") for key, value in score_pairs(PAIRS, options).items()}


def seeded(**choices: object) -> Protocol:
    """r2gen@2 with other choices."""
    right = load_protocol("r2gen@2")
    rule = {name: choices.pop(name) for name in ("threshold", "cut") if name in choices}
    if rule and right.vocabulary is not None:
        choices["vocabulary"] = right.vocabulary.model_copy(update=rule)
    return right.model_copy(update=choices)
