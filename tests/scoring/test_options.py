import pytest

from rrgbench.errors import InputError, UnknownNameError
from rrgbench.scoring.compare import compare
from rrgbench.scoring.options import scoring
from rrgbench.scoring.score import score


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"replicates": 1}, "replicates"),
        ({"level": 1.5}, "level"),
        ({"method": "normal"}, "method"),
        ({"allow": "missing"}, "allow is the text 'missing'"),
    ],
)
def test_values_out_of_range_are_named(options, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        scoring(**options)
    assert "\n" not in str(caught.value)


def test_a_wrong_word_comes_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"section: .*given: 'finding'\); did you mean 'findings'"):
        scoring(section="finding")
    with pytest.raises(InputError, match=r"method: .*did you mean 'percentile'"):
        scoring(method="percentil")
    for metrics in ("blue_4", ["nlg", "blue_4"]):
        with pytest.raises(UnknownNameError, match="no metric is called 'blue_4'; did you mean 'bleu_4'"):
            score(["a"], ["a"], metrics=metrics)
    with pytest.raises(UnknownNameError, match="'bertscor'; did you mean 'bertscore'"):
        score(["a"], ["a"], metrics="bertscor")


def test_unknown_options_come_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="'replicate'; did you mean 'replicates'"):
        score(["a"], ["a"], replicate=10)
    with pytest.raises(UnknownNameError, match="'reference_label'; did you mean 'reference_labels'"):
        score(["a"], ["a"], reference_label=[[1]])
    for given, near in (("permutation", "permutations"), ("commom", "common"), ("sed", "seed")):
        with pytest.raises(UnknownNameError, match=f"'{given}'; did you mean '{near}'"):
            compare({"a": ["a"], "b": ["b"]}, ["a"], **{given: 5})


def test_the_digest_changes_with_what_decides_a_number_and_nothing_else() -> None:
    plain = scoring("dcrrg")
    assert plain.digest == scoring("dcrrg@2").digest
    others = [{"seed": 1}, {"replicates": 10}, {"split": "test"}, {"metrics": ["bleu"]}, {"protocol": "dcrrg@1"}]
    digests = [scoring(**{"protocol": "dcrrg", **other}).digest for other in others]
    assert len({plain.digest, *digests}) == 6


def test_but_changes_one_choice_and_keeps_the_others() -> None:
    changed = scoring("r2gen", seed=3).but(split="test")
    assert (changed.protocol.name, changed.seed, changed.split) == ("r2gen", 3, "test")
    with pytest.raises(InputError, match="seed"):
        changed.but(seed=-2)
