"""What a paper claims of its model, and the tests that decide it; variants are named as in training."""

from rrgbench.claims.claim import Claim, ClaimSet, Equivalent, Greater, Quantity

F1 = Quantity("ce_f1", "CE F1")
PROBE = Quantity("auroc", "mean AUROC, linear probe, 10 %", setting="linear", fraction=0.1)

CLAIMS = ClaimSet(
    reference="An example",
    claims=(
        Claim("contrast", "Contrast helps the reports", "Table 2", (Greater(F1, "contrast", "plain", (0.41, 0.36)),)),
        Claim(
            "same-features", "and leaves the encoder alone", "Table 3", (Equivalent(PROBE, "contrast", "plain", 0.01),)
        ),
    ),
)
