import pytest

from rrgbench.errors import InputError, UnknownNameError
from rrgbench.scoring.options import scoring
from rrgbench.scoring.score import score


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"replicates": 1}, "replicates"),
        ({"level": 1.5}, "level"),
        ({"method": "normal"}, "method"),
        ({"allow": "missing"}, "allow names missing"),
    ],
)
def test_values_out_of_range_are_named(options, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        scoring(**options)
    assert "\n" not in str(caught.value)


def test_unknown_options_come_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="'replicate'; did you mean replicates"):
        score(["a"], ["a"], replicate=10)


def test_the_digest_changes_with_what_decides_a_number_and_nothing_else() -> None:
    plain = scoring("dcrrg")
    assert plain.digest == scoring("dcrrg@1").digest
    others = [{"seed": 1}, {"replicates": 10}, {"split": "test"}, {"metrics": ["bleu"]}, {"protocol": "r2gen"}]
    digests = [scoring(**{"protocol": "dcrrg", **other}).digest for other in others]
    assert len({plain.digest, *digests}) == 6


def test_but_changes_one_choice_and_keeps_the_others() -> None:
    changed = scoring("r2gen", seed=3).but(split="test")
    assert (changed.protocol.name, changed.seed, changed.split) == ("r2gen", 3, "test")
    with pytest.raises(InputError, match="seed"):
        changed.but(seed=-2)
