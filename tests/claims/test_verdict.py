"""When a claim holds, is contradicted, is not resolved, and is not measured; the tables beside it."""

import json

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

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
from rrgbench.claims.plan import plan_json, plan_table
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
    assert outcome(Greater(F1, "a", "b"), apart).verdict == "not resolved"


def test_noise_is_not_resolved_and_the_opposite_contradicted():
    noise = outcome(Greater(F1, "a", "b"), models(a=(0.4, 0.5, 0.45), b=(0.45, 0.41, 0.46)))
    assert (noise.verdict, noise.reason) == ("not resolved", "")
    opposite = outcome(Greater(F1, "a", "b"), models(a=(0.4, 0.41, 0.42), b=(0.5, 0.51, 0.52)))
    assert (opposite.verdict, opposite.reason) == ("contradicted", "b is greater")


@pytest.mark.parametrize(
    ("a", "verdict", "words"),
    [
        ((0.501, 0.512, 0.519), "holds", ""),
        ((0.60, 0.61, 0.62), "contradicted", "more than the margin"),
        ((0.45, 0.52, 0.56), "not resolved", "neither equality nor a difference"),
    ],
)
def test_equivalence_needs_the_interval_inside_the_margin(a, verdict, words):
    found = outcome(Equivalent(F1, "a", "b", 0.02), models(a=a, b=(0.50, 0.51, 0.52)))
    assert found.verdict == verdict
    assert words in found.reason


def test_a_variant_may_be_compared_with_another_value_of_a_rival():
    few, all_of_them = (
        Quantity("auroc", f"probe at {share:.0%}", setting="linear", fraction=share) for share in (0.01, 1.0)
    )
    test = Greater(few, "a", "other", than=all_of_them)
    assert test.words == "probe at 1%: a > other's probe at 100%"
    made = models("auroc:linear:0.01", a=(0.8, 0.81, 0.82))
    other = measured({"auroc:linear:0.01": 0.9, "auroc:linear:1": 0.7})
    made["other"] = dict.fromkeys(range(3), other)
    found = outcome(test, made)
    assert found.verdict == "holds"
    assert found.ours == pytest.approx((0.81, 0.7))
    del made["other"]
    claim = Claim("c", "it is so", "Section 1", (test,))
    (finding,) = judge(claim, made, {}, missing={"other": "install it"}).findings
    assert (finding.verdict, finding.reason) == ("not measured", "other: install it")


def test_a_contradiction_is_corrected_for_the_number_of_tests():
    """One of several tests that are all true by chance is contradicted too often at its own level."""
    made = models(a=(0.50, 0.51, 0.52), b=(0.54, 0.54, 0.54))
    test = Greater(F1, "a", "b")
    alone = judge(Claim("c", "it is so", "Table 4", (test,)), made, {})
    assert (alone.verdict, alone.findings[0].verdict) == ("contradicted", "contradicted")
    many = judge(Claim("c", "it is so", "Table 4", (test,) * 4), made, {})
    assert {finding.verdict for finding in many.findings} == {"contradicted"}
    assert many.verdict == "not resolved"
    clear = judge(Claim("c", "it is so", "Table 4", (test,) * 4), models(a=(0.30, 0.31, 0.32), b=(0.53,) * 3), {})
    assert clear.verdict == "contradicted"


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
    assert (over.verdict, over.reason) == ("contradicted", "3.10% are trained")
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
    assert falling.verdict == "contradicted"
    assert rising.shown is not None
    assert [point[0] for point in rising.points] == ["0", "1", "2", "3"]
    assert rising.points[3][1:] == pytest.approx((0.46, 0.761))
    assert outcome(test, made(0)).reason == "a value is the same for all variants"


def test_a_claim_holds_if_all_of_its_tests_do():
    made = models(a=(0.5, 0.52, 0.54), b=(0.4, 0.41, 0.42), c=(0.5, 0.52, 0.54))
    holds, fails, missing = Greater(F1, "a", "b"), Greater(F1, "b", "a"), Greater(F1, "a", "z")
    made["d"] = models(d=(0.4, 0.5, 0.6))["d"]
    open_ = Greater(F1, "a", "d")

    def verdict(*tests):
        return judge(Claim("c", "s", "t", tests), made, {}).verdict

    assert verdict(holds) == "holds"
    assert verdict(holds, missing) == "not measured"
    assert verdict(holds, open_) == "not resolved"
    assert verdict(holds, open_, missing) == "not measured"
    assert verdict(holds, open_, missing, fails) == "contradicted"


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
    assert "Of 1 claims 0 hold, 0 are contradicted, 0 are not resolved, 1 are not measured. Of their 3" in markdown
    assert r"a is better \& more than 5 \% so" in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 3
    console = Console(width=150, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    document.print_to(console)
    shown = console.export_text()
    for text in (markdown, latex, shown):
        assert "2 seeds in common" in text
    json.dumps([judgement.to_json() for judgement in document.judgements], allow_nan=False)


def test_a_design_says_what_it_could_have_shown():
    """By simulation: of true differences that large, 80 % of designs like this resolve one."""
    found = outcome(Greater(F1, "a", "b"), models(a=(0.4, 0.5, 0.45), b=(0.45, 0.41, 0.46)))
    between = np.array([-0.05, 0.09, -0.01]).std(ddof=1)
    drawn = np.random.default_rng(0).normal(found.shown, between, (20_000, 3))
    half = stats.t.ppf(0.975, 2) * drawn.std(axis=1, ddof=1) / np.sqrt(3)
    assert np.mean(drawn.mean(axis=1) > half) == pytest.approx(0.8, abs=0.01)
    equal = outcome(Equivalent(F1, "a", "b", 0.02), models(a=(0.4, 0.5, 0.45), b=(0.45, 0.41, 0.46)))
    drawn = np.random.default_rng(0).normal(0.0, between, (20_000, 3))
    half = stats.t.ppf(0.95, 2) * drawn.std(axis=1, ddof=1) / np.sqrt(3)
    assert np.mean(abs(drawn.mean(axis=1)) + half < equal.shown) == pytest.approx(0.8, abs=0.01)


def test_a_correlation_over_noisy_variants_says_that_nothing_could_be_shown():
    generator = np.random.default_rng(3)

    def noise():
        return measured({"auroc": generator.normal(0.8, 0.05), "ce_f1": generator.normal(0.5, 0.05)})

    made = {str(variant): {seed: noise() for seed in range(3)} for variant in range(4)}
    found = outcome(Correlated(F1, AUROC, ("0", "1", "2", "3"), "positive"), made)
    assert (found.verdict, found.shown) == ("not resolved", None)
    assert "even r = 1" in found.reason


def test_a_plan_says_how_many_seeds_or_studies_decide():
    tests = (
        Greater(F1, "a", "b", (0.45, 0.40)),
        Greater(F1, "a", "b"),
        Equivalent(F1, "a", "b", 0.02),
        Greater(F1, "a", "never"),
    )
    made = models(a=(0.4, 0.5, 0.45), b=(0.45, 0.41, 0.46))
    judged = [judge(Claim("c", "it is so", "Table 4", tests), made, {})]
    first, second, third = plan_table(judged).rows
    wanted, now, seeds_needed, studies_needed = (cell.value for cell in first.cells)
    assert (wanted, studies_needed) == (pytest.approx(0.05), "> 1,000,000")
    seed = json.loads(plan_json(judged))["tests"][0]["sd_of_a_seed"]
    assert (now, seed) == (pytest.approx(0.2347, abs=1e-3), pytest.approx(0.0721, abs=1e-4))
    fewer, enough = (
        stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, 0.05 / seed * np.sqrt(n))
        for n in (seeds_needed - 1, seeds_needed)
    )
    assert fewer < 0.8 <= enough
    assert second.cells[0].value is None
    assert "--difference" in second.cells[0].notes[0]
    assert third.cells[0].value == 0.02
    assert third.cells[2].value > seeds_needed
    assert plan_table(judged, 0.1).rows[1].cells[2].value < seeds_needed
    rows = json.loads(plan_json(judged, 0.1))["tests"]
    assert [row["wanted"] for row in rows] == [0.1, 0.1, 0.1]


def test_an_encoder_that_predicts_nothing_has_its_probes_interval_over_studies():
    """Its own AUROC is blank and has no number of studies; the interval of a probe is over the probe's."""
    probe = Quantity("auroc", "probe", setting="linear", fraction=1.0)
    one = measured({"auroc:linear:1": 0.9}, noise=0.01, blank=("auroc",))
    table = VariantTable("Probes", (("imagenet", "ImageNet"),), ((probe, ""),))
    (shown,) = claim_tables(
        ClaimSet("a paper", (), (table,)), {"imagenet": dict.fromkeys(range(3), one)}, "here", [0, 1, 2]
    )
    cell = shown.rows[0].cells[0]
    spread = one.replicates["auroc:linear:1"].std(ddof=1)
    assert cell.high - cell.low == pytest.approx(2 * stats.t.ppf(0.975, 499) * spread)
