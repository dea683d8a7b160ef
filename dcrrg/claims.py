"""What the paper claims of DCRRG, as data: statements, its figures (Tables 2 and 4-6), and the tests that decide them.

The margin within which two variants count as equal is ours, since the paper states none: 0.003 in BLEU-4 and 0.02 in
clinical efficacy F1, no more than its own Table 5 counts as the gain of re-sampling (0.003 and 0.022).

The printed F1 of 6 (= 6b), 0.376, can't be the micro F1 of its printed precision and recall, which is at most 0.374,
nor 6a's 0.354 that of its own (0.355 to 0.356): differences of 0.002 lie below what the paper's own figures bear.

Where App. B says "NLG metrics", those of BLEU-4, METEOR, ROUGE-L and CIDEr are tested in which its own Table 4 bears
it out: in ROUGE-L models without step 3 are no better for step 1 or 2 there (0.281 against 0.283 and 0.282). That step
2 is *particularly* important for them without step 3 is not tested; that it is, with and without, each is.
"""

from rrgbench.claims.claim import (
    Claim,
    ClaimSet,
    Correlated,
    Equivalent,
    Greater,
    ObservationTable,
    Quantity,
    TrainedShare,
    VariantTable,
)
from rrgbench.metrics.catalogue import entry

BLEU, METEOR, ROUGE, CIDER, PRECISION, RECALL, F1 = (
    Quantity(key, entry(key).title)
    for key in ("bleu_4", "meteor", "rouge_l", "cider", "ce_precision", "ce_recall", "ce_f1")
)
AUROC = Quantity("auroc", f"mean {entry('auroc').title}")
RARE = Quantity(
    "auroc",
    f"{entry('auroc').title} of rare observations",
    ("Enlarged Cardiomediastinum", "Lung Lesion", "Pneumothorax", "Pleural Other", "Fracture"),
)
"""The five rarest by MIMIC-CXR's published label counts, and the phantom's: 0.9 to 4.6 % of the studies have each."""

IMAGENET = "imagenet"
"""The registered model that is an encoder with ImageNet's weights."""

_BLEU_MARGIN, _F1_MARGIN = 0.003, 0.02

PUBLISHED = {
    "1": {"bleu_4": 0.112, "meteor": 0.148, "rouge_l": 0.282, "cider": 0.257, "ce_precision": 0.436, "ce_f1": 0.363},
    "2": {"bleu_4": 0.110, "meteor": 0.145, "rouge_l": 0.283, "cider": 0.257, "ce_precision": 0.357, "ce_f1": 0.324},
    "3": {"bleu_4": 0.113, "meteor": 0.150, "rouge_l": 0.280, "cider": 0.276, "ce_precision": 0.360, "ce_f1": 0.327},
    "4": {"bleu_4": 0.116, "meteor": 0.156, "rouge_l": 0.282, "cider": 0.279, "ce_precision": 0.438, "ce_f1": 0.365},
    "5": {"bleu_4": 0.115, "meteor": 0.156, "rouge_l": 0.281, "cider": 0.274, "ce_precision": 0.456, "ce_f1": 0.371},
    "6": {"bleu_4": 0.119, "meteor": 0.161, "rouge_l": 0.284, "cider": 0.282, "ce_precision": 0.460, "ce_f1": 0.376},
    "7": {"bleu_4": 0.120, "meteor": 0.160, "rouge_l": 0.284, "cider": 0.283, "ce_precision": 0.459, "ce_f1": 0.376},
    "6a": {
        "bleu_4": 0.116, "meteor": 0.156, "rouge_l": 0.283, "cider": 0.276,
        "ce_precision": 0.413, "ce_recall": 0.312, "ce_f1": 0.354, "auroc": 0.69,
    },
    "6b": {
        "bleu_4": 0.119, "meteor": 0.161, "rouge_l": 0.284, "cider": 0.282,
        "ce_precision": 0.460, "ce_recall": 0.314, "ce_f1": 0.376, "auroc": 0.75,
    },
    "6c": {
        "bleu_4": 0.117, "meteor": 0.158, "rouge_l": 0.283, "cider": 0.280,
        "ce_precision": 0.446, "ce_recall": 0.313, "ce_f1": 0.368,
    },
    "6d": {
        "bleu_4": 0.120, "meteor": 0.163, "rouge_l": 0.291, "cider": 0.283,
        "ce_precision": 0.489, "ce_recall": 0.341, "ce_f1": 0.401, "auroc": 0.78,
    },
}  # fmt: skip
"""Tables 4 and 5, and the mean AUROCs that Section 4.6 and App. C state of Table 6."""

FRACTIONS = (0.01, 0.1, 1.0)
"""Table 3: shares of the training studies."""

PUBLISHED_RETRIEVAL = {1: (0.48, 0.45), 2: (0.50, 0.49), 5: (0.51, 0.49), 10: (0.51, 0.49)}
"""Table 2: Precision@K of DCCLIP, with and without balancing."""


def _greater(better: str, worse: str, *quantities: Quantity) -> tuple[Greater, ...]:
    return tuple(Greater(quantity, better, worse, _printed(better, worse, quantity)) for quantity in quantities)


def _printed(first: str, second: str, quantity: Quantity) -> tuple[float, float] | None:
    """The paper's values of two variants, where it prints both."""
    if quantity.observations:
        return None
    values = [PUBLISHED[variant].get(quantity.metric) for variant in (first, second)]
    return None if values[0] is None or values[1] is None else (values[0], values[1])


def _better_texts(better: str, worse: str) -> tuple[Greater, ...]:
    """The NLG metrics in which the paper's own figures bear out that one is better."""
    printed = ((test, test.paper) for test in _greater(better, worse, BLEU, METEOR, ROUGE, CIDER))
    return tuple(test for test, paper in printed if paper is not None and paper[0] > paper[1])


def _equivalent(first: str, second: str, quantity: Quantity, margin: float) -> Equivalent:
    return Equivalent(quantity, first, second, margin, _printed(first, second, quantity))


def _probe(setting: str, fraction: float) -> Quantity:
    words = {"linear": "linear probe", "finetune": "fine-tuned"}[setting]
    return Quantity("auroc", f"AUROC, {words} at {fraction:.0%}", setting=setting, fraction=fraction)


def _precision_at(k: int) -> Quantity:
    return Quantity("precision_at_k", entry("precision_at_k").title.replace("K", str(k)), k=k)


CLAIMS = ClaimSet(
    reference="Zhou and Wang, EMNLP 2024 (2024.emnlp-main.433)",
    rivals=(IMAGENET,),
    varied=("balance", "model.tuning"),
    same=(("6", "6b"),),
    legend=(
        "Variants: 6 (= 6b) has steps 1 to 4, balanced, with prompt tuning; 7 is tuned in full instead. Without: 3 "
        "step 1, 4 step 2, 5 step 3, 1 steps 2 and 3, 2 steps 1 and 3 (1, 2 and 5 tuned in full). 6a is not balanced, "
        "6c neither but with extra films, 6d balanced with extra films."
    ),
    claims=(
        Claim(
            "balancing-rare",
            "Re-sampling per observation lifts AUROC of rare observations",
            "Table 6, App. C: 6b and 6d",
            (*_greater("6b", "6a", RARE), *_greater("6d", "6c", RARE)),
        ),
        Claim("balancing-auroc", "Re-sampling lifts mean AUROC", "App. C", _greater("6b", "6a", AUROC)),
        Claim("balancing-efficacy", "Re-sampling lifts clinical efficacy", "Table 5", _greater("6b", "6a", F1)),
        Claim(
            "balancing-efficacy-extra",
            "Re-sampling lifts clinical efficacy with extra data too",
            "Table 5",
            _greater("6d", "6c", F1),
        ),
        Claim(
            "balancing-over-extra",
            "Re-sampling is worth more than extra uni-modal data",
            "Table 5, App. B and C",
            _greater("6b", "6c", RARE, F1, BLEU),
        ),
        Claim(
            "both-auroc",
            "With both, AUROC is highest",
            "Table 6, App. C",
            tuple(test for other in ("6a", "6b", "6c") for test in _greater("6d", other, AUROC)),
        ),
        Claim(
            "neither-auroc",
            "With neither, mean AUROC is lowest",
            "App. C",
            tuple(test for other in ("6b", "6c", "6d") for test in _greater(other, "6a", AUROC)),
        ),
        Claim(
            "both-efficacy",
            "With both, clinical efficacy is highest",
            "Table 5, App. B",
            tuple(test for other in ("6a", "6b", "6c") for test in _greater("6d", other, F1)),
        ),
        Claim("step1-efficacy", "Without step 1 clinical efficacy falls", "Table 4, App. B", _greater("6", "3", F1)),
        Claim(
            "step1-efficacy-5",
            "Without step 1 clinical efficacy falls, also where step 3 is left out",
            "Table 4, App. B",
            _greater("5", "2", F1),
        ),
        Claim("step1-text", "Without step 1 NLG metrics fall", "Table 4, App. B", _better_texts("6", "3")),
        Claim(
            "step1-text-5",
            "Without step 1 NLG metrics fall, also where step 3 is left out",
            "Table 4, App. B",
            _better_texts("5", "2"),
        ),
        Claim(
            "step2-efficacy-5",
            "Without step 2 clinical efficacy falls, also where step 3 is left out",
            "Table 4",
            _greater("5", "1", F1),
        ),
        Claim("step2-efficacy", "Without step 2 clinical efficacy falls", "Table 4, App. B", _greater("6", "4", F1)),
        Claim("step2-text", "Without step 2 NLG metrics fall", "Table 4, App. B", _better_texts("6", "4")),
        Claim(
            "step2-text-5",
            "Without step 2 NLG metrics fall, also where step 3 is left out",
            "Table 4, App. B",
            _better_texts("5", "1"),
        ),
        Claim("step3-text", "Without step 3 NLG metrics fall", "Table 4, App. B", _better_texts("6", "5")),
        Claim(
            "step3-text-3",
            "Without step 3 NLG metrics fall, also where step 1 is left out",
            "Table 4, App. B",
            _better_texts("3", "2"),
        ),
        Claim(
            "step3-efficacy",
            "Step 3 contributes little to clinical efficacy",
            "Section 4.5, Table 4, App. B",
            (_equivalent("6", "5", F1, _F1_MARGIN), _equivalent("3", "2", F1, _F1_MARGIN)),
        ),
        Claim(
            "prompt-tuning-share",
            "Prompt tuning trains at most 3 % of what full fine-tuning does",
            "App. B",
            (TrainedShare("6", "7", 0.03, "0.1 % to 3 %"),),
        ),
        Claim(
            "prompt-tuning",
            "Prompt tuning matches full fine-tuning",
            "Table 4, App. B",
            (_equivalent("6", "7", BLEU, _BLEU_MARGIN), _equivalent("6", "7", F1, _F1_MARGIN)),
        ),
        Claim(
            "retrieval",
            "DCCLIP retrieves better after a balanced step 1",
            "Table 2",
            tuple(Greater(_precision_at(k), "6b", "6a", figures) for k, figures in PUBLISHED_RETRIEVAL.items()),
        ),
        Claim(
            "linear-probes",
            "Linear probes on DCCLIP's image encoder with 1 % of the labels beat those on ImageNet's weights with all",
            "Section 4.4.3; Table 3's figures are lost",
            (Greater(_probe("linear", 0.01), "6b", IMAGENET, than=_probe("linear", 1.0)),),
        ),
        Claim(
            "fine-tuning",
            "So does the encoder fine-tuned",
            "Section 4.4.3; Table 3's figures are lost",
            (Greater(_probe("finetune", 0.01), "6b", IMAGENET, than=_probe("finetune", 1.0)),),
        ),
        Claim(
            "error-correlation",
            "Of these four, the better a variant classifies, the better its reports",
            "Tables 5 and 6, App. C",
            tuple(
                Correlated(quantity, AUROC, ("6a", "6b", "6c", "6d"), "positive")
                for quantity in (BLEU, METEOR, CIDER, F1)
            ),
        ),
    ),
    tables=(
        VariantTable(
            "Report generation (the paper's Table 1)",
            (("6b", "DCRRG"), ("6a", "DCRRG w/o balancing"), ("6d", "DCRRG w/ extra data")),
            tuple((quantity, "") for quantity in (BLEU, METEOR, ROUGE, CIDER, PRECISION, RECALL, F1)),
        ),
        VariantTable(
            "Retrieval by DCCLIP (the paper's Table 2)",
            (("6b", "DCCLIP"), ("6a", "DCCLIP w/o balancing")),
            tuple((_precision_at(k), "") for k in PUBLISHED_RETRIEVAL),
        ),
        VariantTable(
            "Classification, mean AUROC (the paper's Table 3)",
            (("6b", "DCCLIP"), ("6a", "DCCLIP w/o balancing"), ("6d", "DCCLIP w/ extra data"), (IMAGENET, "ImageNet")),
            tuple(
                (Quantity("auroc", f"{fraction:.0%}", setting=setting, fraction=fraction), heading)
                for setting, heading in (("linear", "linear probe"), ("finetune", "fine-tuned"))
                for fraction in FRACTIONS
            ),
        ),
        VariantTable(
            "Ablation of the steps (the paper's Table 4)",
            (
                ("1", "1: step 1, FFT"),
                ("2", "2: step 2, FFT"),
                ("3", "3: steps 2 3, PT"),
                ("4", "4: steps 1 3, PT"),
                ("5", "5: steps 1 2, FFT"),
                ("6", "6: steps 1 2 3, PT"),
                ("7", "7: steps 1 2 3, FFT"),
            ),
            (*((quantity, "") for quantity in (BLEU, METEOR, ROUGE, CIDER)), (PRECISION, ""), (F1, "")),
        ),
        VariantTable(
            "Re-sampling and extra data in step 1 (the paper's Table 5)",
            (
                ("6a", "6a: neither"),
                ("6b", "6b: balancing"),
                ("6c", "6c: extra data"),
                ("6d", "6d: both"),
            ),
            tuple((quantity, "") for quantity in (BLEU, METEOR, ROUGE, CIDER, PRECISION, RECALL, F1)),
        ),
        ObservationTable("AUROC of each observation (the paper's Table 6)", "auroc", ("6a", "6b", "6c", "6d")),
        VariantTable(
            "Pipeline errors (App. C, over observations and studies): correlation, and how often reports are wrong",
            (("6a", "6a: neither"), ("6b", "6b: balancing"), ("6c", "6c: extra data"), ("6d", "6d: both")),
            (
                (Quantity("pearson", "observations", setting="observations"), "Pearson"),
                (Quantity("pearson", "studies", setting="studies"), "Pearson"),
                (Quantity("report_error", "classifier wrong", setting="classifier-wrong"), "report wrong"),
                (Quantity("report_error", "classifier right", setting="classifier-right"), "report wrong"),
            ),
        ),
    ),
)
"""The claims of App. B and C and of Section 4."""
