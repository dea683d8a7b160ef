import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.scoring.signature import Signature, package_version, parse

LINE = "rrgbench:1.0|corpus:iu-xray@3f2a|split:test|n:590|protocol:r2gen@1|labeler:rules@1|avg:macro|unc:pos|obs:14"
values = st.text(st.characters(exclude_characters="|\n\r", exclude_categories=["Cs"]), min_size=1)
names = st.text(st.sampled_from("abcxyz_"), min_size=4, max_size=9)


def test_the_line_of_the_house_plan() -> None:
    signature = Signature("iu-xray@3f2a", "test", 590, "r2gen@1", "rules@1", "macro", "positive", 14, version="1.0")
    assert str(signature) == LINE
    assert parse(LINE) == signature


def test_text_metrics_name_no_labeler() -> None:
    assert (
        str(Signature("c@1", "test", 3, "raw@1", version="1.0"))
        == "rrgbench:1.0|corpus:c@1|split:test|n:3|protocol:raw@1"
    )


@given(values, values, st.integers(0, 10**9), st.none() | values, st.dictionaries(names, values))
def test_parse_reads_back_what_str_writes(corpus, split, n, protocol, extras) -> None:
    signature = Signature(corpus, split, n, protocol, extras=tuple(extras.items()))
    assert parse(str(signature)) == signature


def test_extras_have_one_order_whatever_order_they_are_given_in() -> None:
    first = parse(LINE).with_extras(bootstrap="percentile-1000", k=5, other="x", allowed="missing=2")
    second = parse(LINE).with_extras(other="x").with_extras(allowed="missing=2", k=5, bootstrap="percentile-1000")
    assert first == second
    assert str(first) == LINE + "|k:5|allowed:missing=2|bootstrap:percentile-1000|other:x"
    assert first.with_extras(k=None, other=None, allowed=None, bootstrap=None) == parse(LINE)
    assert "k:10" in str(first.with_extras(k=10))


def test_differences_name_fields_and_both_sides() -> None:
    other = parse(LINE.replace("macro", "micro").replace("|obs:14", "|obs:5|k:3"))
    assert parse(LINE).differences(other) == {"avg": ("macro", "micro"), "obs": ("14", "5"), "k": ("-", "3")}
    assert parse(LINE).differences(other, ignoring=["avg", "obs", "k"]) == {}


def test_version_has_two_numbers() -> None:
    assert package_version() == "source" or len(package_version().split(".")) == 2
    assert str(Signature("c", "s", 1)).startswith(f"rrgbench:{package_version()}|")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "not a signature"),
        ("corpus:x|split:y|n:1", "lacks rrgbench"),
        ("rrgbench:1|corpus:x|split:y|n:many", "n must be a whole number"),
        (LINE + "|obs:5", "different key:value"),
        (LINE + "|loose", "different key:value"),
    ],
)
def test_what_is_not_a_signature(line, message) -> None:
    with pytest.raises(InputError, match=message):
        parse(line)


@pytest.mark.parametrize("corpus", ["", "a|b", "a\nb"])
def test_values_that_could_not_be_read_back(corpus) -> None:
    with pytest.raises(InputError, match="corpus"):
        Signature(corpus, "test", 1)


def test_an_extra_cannot_hide_a_field() -> None:
    with pytest.raises(InputError, match="corpus are given twice"):
        Signature("c", "test", 1, extras=(("corpus", "other"),))
