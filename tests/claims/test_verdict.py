"""When a claim holds, when it does not and when it is not measured; the tables beside it."""

import json

import numpy as np
import pytest
from rich.console import Console

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
from rrgbench.claims.documents import ClaimDocument
from rrgbench.claims.measurement import Measured
from rrgbench.claims.tables import claim_tables
from rrgbench.claims.verdict import judge
from rrgbench.runs.records import Record

F1 = Quantity("ce_f1", "CE F1")
AUROC = Quantity("auroc", "mean AUROC")
RARE = Quantity("auroc", "AUROC of rare ones", ("Fracture", "Edema"))


def measured(values, noise=0.0, seed=0, blank=()):
    """A model of given values; resamples wander by `noise`, alike for equal seeds."""
    wander = noise * np.random.default_rng(seed).standard_normal(400)
    records = {
        column: Record(
            "t", "m", "phantom@1234", "test", column.partition(":")[0], value=value, n=500, signature="rrgbench:1|n:500"
        )
        for column, value in values.items()
    }
    records |= {c: Record("t", "m", "phantom@1234", "test", c, reason="the films have no reports") for c in blank}
    return Measured(values, {column: value + wander for column, value in values.items()}, records)


def models(column="ce_f1", **values):
    return {
        name: {seed: measured({column: value}) for seed, value in enumerate(several)}
        for name, several in values.items()
    }


def outcome(test, made, shares=None):
    (finding,) = judge(Claim("c", "it is so", "Table 4", (test,)), made, shares or {}).findings
    return finding


def test_a_clear_difference_holds():
    found = outcome(Greater(F1, "a", "b", (0.4, 0.3)), models(a=(0.50, 0.52, 0.54), b=(0.40, 0.41, 0.45)))
    assert found.verdict == "holds"
    assert found.ours == pytest.approx((0.52, 0.42))
    assert found.seeds == (0, 1, 2)
    assert found.estimate.low > 0


def test_it_is_paired_by_seed():
    """Seeds differ by far more than the variants do within each."""
    made = models(a=(0.31, 0.51, 0.711), b=(0.30, 0.50, 0.70))
    assert outcome(Greater(F1, "a", "b"), made).verdict == "holds"


def test_it_is_paired_by_study():
    """Studies move both variants alike: their noise cancels."""
    made = {
        name: {seed: measured({"ce_f1": value + 0.001 * seed}, noise=0.05) for seed in range(3)}
        for name, value in (("a", 0.51), ("b", 0.50))
    }
    assert outcome(Greater(F1, "a", "b"), made).verdict == "holds"
    apart = {
        "a": made["a"],
        "b": {seed: measured({"ce_f1": 0.5 + 0.001 * seed}, noise=0.05, seed=9) for seed in range(3)},
    }
    assert outcome(Greater(F1, "a", "b"), apart).verdict == "does not hold"


def test_noise_and_the_opposite_do_not_hold_and_say_which():
    noise = outcome(Greater(F1, "a", "b"), models(a=(0.4, 0.5, 0.45), b=(0.45, 0.41, 0.46)))
    assert (noise.verdict, noise.reason) == ("does not hold", "no difference shown")
    opposite = outcome(Greater(F1, "a", "b"), models(a=(0.4, 0.41, 0.42), b=(0.5, 0.51, 0.52)))
    assert (opposite.verdict, opposite.reason) == ("does not hold", "the other way round: b is greater")


@pytest.mark.parametrize(
    ("a", "verdict", "words"),
    [
        ((0.501, 0.512, 0.519), "holds", ""),
        ((0.60, 0.61, 0.62), "does not hold", "more than the margin"),
        ((0.45, 0.52, 0.56), "does not hold", "neither equality nor difference"),
    ],
)
def test_equivalence_needs_the_interval_inside_the_margin(a, verdict, words):
    found = outcome(Equivalent(F1, "a", "b", 0.02), models(a=a, b=(0.50, 0.51, 0.52)))
    assert found.verdict == verdict
    assert words in found.reason


def test_fewer_than_three_common_seeds_are_not_measured():
    made = models(a=(0.5, 0.52, 0.54), b=(0.4, 0.41))
    found = outcome(Greater(F1, "a", "b"), made)
    assert (found.verdict, found.estimate) == ("not measured", None)
    assert "2 seeds in common; 3 are needed" in found.reason


def test_what_is_not_trained_or_blank_is_not_measured_and_says_why():
    made = models(a=(0.5, 0.52, 0.54))
    assert "not trained: b" in outcome(Greater(F1, "a", "b"), made).reason
    made["b"] = {seed: measured({}, blank=["ce_f1"]) for seed in range(3)}
    assert outcome(Greater(F1, "a", "b"), made).reason == "CE F1: the films have no reports"
    assert "not part of the suite" in outcome(Greater(AUROC, "a", "b"), made).reason


def test_a_quantity_over_observations_is_their_mean_without_undefined_ones():
    values = {"auroc:Fracture": 0.9, "auroc:Edema": 0.7}
    made = {
        "a": {seed: measured(values) for seed in range(3)},
        "b": {seed: measured({"auroc:Fracture": 0.6}, blank=["auroc:Edema"]) for seed in range(3)},
    }
    assert outcome(Greater(RARE, "a", "b"), made).ours == pytest.approx((0.8, 0.6))


def test_the_trained_share():
    test = TrainedShare("a", "b", 0.03, "0.1 % to 3 %")
    assert outcome(test, {}, {"a": [0.014, 0.0145], "b": [0.5, 0.5]}).verdict == "holds"
    over = outcome(test, {}, {"a": [0.014, 0.0155], "b": [0.5, 0.6]})
    assert (over.verdict, over.reason) == ("does not hold", "3.10% are trained")
    unknown = outcome(test, {}, {"a": [0.014]})
    assert (unknown.verdict, unknown.reason) == ("not measured", "not trained: b")


def test_correlation_over_variants():
    def made(sign):
        return {
            str(v): {
                s: measured({"auroc": 0.7 + 0.02 * v + 0.001 * s, "ce_f1": 0.4 + sign * 0.02 * v}) for s in range(3)
            }
            for v in range(4)
        }

    test = Correlated(F1, AUROC, ("0", "1", "2", "3"), "positive")
    rising, falling = outcome(test, made(1)), outcome(test, made(-1))
    assert rising.verdict == "holds"
    assert rising.estimate.value == pytest.approx(1.0)
    assert falling.verdict == "does not hold"
    assert outcome(test, made(0)).reason == "a value is the same for all variants"


def test_a_claim_holds_if_all_of_its_tests_do():
    made = models(a=(0.5, 0.52, 0.54), b=(0.4, 0.41, 0.42), c=(0.5, 0.52, 0.54))
    holds, fails, missing = Greater(F1, "a", "b"), Greater(F1, "b", "a"), Greater(F1, "a", "z")

    def verdict(*tests):
        return judge(Claim("c", "s", "t", tests), made, {}).verdict

    assert verdict(holds) == "holds"
    assert verdict(holds, missing) == "not measured"
    assert verdict(holds, missing, fails) == "does not hold"


@pytest.fixture
def document():
    tests = (Greater(F1, "a", "b", (0.4, 0.3)), Greater(F1, "b", "a"), Greater(F1, "a", "never"))
    claims = ClaimSet(
        "A paper",
        (Claim("c", "a is better & more than 5 % so", "Table 4", tests),),
        (
            VariantTable("Ablation", (("a", "with"), ("b", "without"), ("never", "never")), ((F1, "CE"), (AUROC, ""))),
            ObservationTable("AUROC", "auroc", ("a",)),
        ),
    )
    made = models(a=(0.5, 0.52, 0.54), b=(0.4, 0.41))
    made["a"] = {
        s: measured({"ce_f1": m.values["ce_f1"], "auroc": 0.9, "auroc:Edema": 0.8}) for s, m in made["a"].items()
    }
    assert claims.variants == ("a", "b", "never")
    tables = claim_tables(claims, made, "phantom@1234, test", [0, 1, 2])
    return ClaimDocument("Claims", ("seeds 0, 1, 2",), (judge(claims.claims[0], made, {}),), tuple(tables))


def test_tables_show_means_with_intervals_and_blanks_with_reasons(document):
    ablation, areas = document.tables
    assert ablation.title == "Ablation, phantom@1234, test"
    first, second, third = ablation.rows
    assert first.cells[0].value == pytest.approx(0.52)
    assert first.cells[0].low < 0.5 < 0.54 < first.cells[0].high
    notes = [note for cell in (*second.cells, third.cells[0]) for note in cell.notes]
    assert notes == ["2 of 3 seeds", "not part of the suite", "not trained"]
    assert third.cells[0].value is None
    assert [row.label for row in areas.rows][:2] == ["mean", "No Finding"]
    assert areas.rows[0].cells[0].value == pytest.approx(0.9)
    assert dict(ablation.signatures), "numbers carry their signatures"


def test_every_format_says_the_same(document):
    markdown, latex = document.to_markdown(), document.to_latex()
    assert "0.400 vs 0.300" in markdown
    assert "not trained: never" in markdown
    assert "Of 1 claims 0 hold, 0 do not hold, 1 are not measured. Of their 3 tests 0 hold" in markdown
    assert r"a is better \& more than 5 \% so" in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 3
    console = Console(width=150, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    document.print_to(console)
    shown = console.export_text()
    for text in (markdown, latex, shown):
        assert "2 seeds in common" in text
    json.dumps([judgement.to_json() for judgement in document.judgements], allow_nan=False)
