import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import rrgbench.scoring.protocols
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.scoring.cleaning import CLEANING, lower_split_stops, r2gen_iu, r2gen_mimic
from rrgbench.scoring.protocols import Protocol, load_protocol, protocol_names
from rrgbench.scoring.score import score


def test_the_protocols_of_the_house_plan_are_here_with_their_sources() -> None:
    assert protocol_names()[:4] == ["raw", "coco", "dcrrg", "r2gen"]
    assert {"cvt2", "cxrmate", "organ", "xpronet", "rgrg", "miura", "m2tr", "llava-rad", "rrg24"} < set(
        protocol_names()
    )
    assert all(len(protocol.source) > 100 for protocol in map(load_protocol, protocol_names()))
    assert load_protocol("r2gen").identity == "r2gen@2"
    assert load_protocol("dcrrg").clinical_efficacy().averaging == "micro"


def test_a_protocols_file_is_called_as_the_protocol_that_it_holds() -> None:
    folder = Path(rrgbench.scoring.protocols.__file__).parent
    for path in folder.glob("*.yaml"):
        name, _, version = path.stem.partition("@")
        held, newest = load_protocol(path.stem), load_protocol(name)
        assert held == load_protocol(str(path)), path.name
        assert held.numbered == f"{name}@{version or newest.version}"
        assert held.version <= newest.version
        assert bool(version) == (held.version < newest.version), f"{path.name}: the newest version alone has no number"


def test_a_protocol_of_ones_own() -> None:
    own = Protocol(name="mine", version=2, cleaning="none", averaging="weighted", source="ours")
    assert load_protocol(own) is own
    with pytest.raises(ValidationError):
        Protocol(name="mine", version=2, cleaning="none", source="ours", averagin="micro")


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'r2gen'"):
        load_protocol("r2gem")


@pytest.mark.parametrize("clean", [r2gen_iu, r2gen_mimic])
@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("Heart size is normal. No effusion.", "heart size is normal . no effusion ."),
        ("1. Clear lungs. 2. No effusion. 3. Stable.", "clear lungs . no effusion . stable ."),
        ("Stable XXXX. Prior CABG (2009), well-healed.", "stable xxxx . prior cabg 2009 well-healed ."),
        ('A 2.5 cm nodule; right/left "hila".', "a 25 cm nodule rightleft hila ."),
        ("Clear lungs.. No effusion...", "clear lungs . no effusion ."),
        ("", "."),
        ("heart size is normal . no effusion .", "heart size is normal . no effusion ."),
    ],
)
def test_r2gen_cleaning(clean, report, expected) -> None:
    assert clean(report) == expected


def test_only_the_mimic_variant_joins_lines_and_drops_masks_between_sentences() -> None:
    assert r2gen_mimic("Clear.\nNo effusion since ___.") == "clear . no effusion since ."
    assert r2gen_iu("Clear.\nNo effusion.") == "clear no effusion ."


def test_rexrank_cleaning() -> None:
    assert (
        lower_split_stops("Findings: Clear.\nImpression: 2.5 cm  nodule.")
        == "findings: clear . impression: 2 .5 cm nodule ."
    )


@pytest.mark.parametrize("name", list(CLEANING))
@given(st.text())
def test_cleaning_never_fails_and_gives_single_spaced_lines(name, text) -> None:
    cleaned = CLEANING[name](text)
    if name != "none":
        assert cleaned == " ".join(cleaned.split())
        assert not re.search("[A-Z]", cleaned)


def test_cleaned_real_reports_stay_as_they_are_when_cleaned_again(shared: Path) -> None:
    with (shared / "iu_xray/openi_reports.csv").open(newline="") as file:
        reports = [row["findings"] for row in csv.DictReader(file) if row["findings"].strip()]
    once = [r2gen_iu(report) for report in reports]
    assert len(once) > 3000
    assert sum(r2gen_iu(report) != report for report in once) < 0.01 * len(once)


def test_a_file_of_ones_own_and_old_versions(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nversion: 3\ncleaning: r2gen-iu\naveraging: macro\n")
    assert load_protocol(str(path)).numbered == "mine@3"
    assert load_protocol("r2gen@1").identity == "r2gen@1"
    for name in ("raw", "coco", "dcrrg", "radeval"):
        assert (load_protocol(name).labeler, load_protocol(f"{name}@1").labeler) == ("rules@3", "rules@1")
    with pytest.raises(UnknownNameError, match="r2gen@99"):
        load_protocol("r2gen@99")
    path.write_text("name: mine\nversion: 3\ncleaning: bleach\n")
    with pytest.raises(InputError, match=r"mine.yaml: cleaning"):
        load_protocol(path)
    path.write_text("name: [")
    with pytest.raises(InputError, match="not YAML"):
        load_protocol(path)


def test_no_protocol_of_ones_own_passes_for_one_that_ships(tmp_path, monkeypatch) -> None:
    path = tmp_path / "r2gen.yaml"
    path.write_text("name: r2gen\nversion: 1\ncleaning: none\n")
    signed = [
        str(score(["A b."], ["a b."], one, ["bleu_1"], False).signature)
        for one in ("r2gen@1", path, load_protocol("r2gen@1").model_copy(update={"averaging": "micro"}))
    ]
    assert "|protocol:r2gen@1" in signed[0]
    assert all(re.search(r"\|protocol:r2gen@1#[0-9a-f]{4}(\||$)", line) for line in signed[1:])
    assert len(set(signed)) == 3
    own = load_protocol(path)
    # the words about its source decide nothing; every other field does
    assert own.model_copy(update={"source": "elsewhere"}).identity == own.identity
    assert own.model_copy(update={"observations": 5}).identity != own.identity
    assert load_protocol("r2gen").model_copy(update={"source": "elsewhere"}).identity == "r2gen@2"
    (tmp_path / "theirs-1.dist-info").mkdir()
    (tmp_path / "theirs-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (tmp_path / "theirs-1.dist-info/entry_points.txt").write_text("[rrgbench.protocols]\ntheirs = theirs:FILE\n")
    (tmp_path / "theirs.py").write_text(f"FILE = {str(path)!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_protocol("theirs").identity == load_protocol("theirs@1").identity == own.identity
    assert "theirs" in protocol_names()
    with pytest.raises(UnknownNameError, match=r"theirs@2 is not available; installed is r2gen@1#"):
        load_protocol("theirs@2")


def test_names_and_versions_can_be_written_in_a_signature() -> None:
    for name, version in (("a|b", 1), ("a@2", 1), ("a#1", 1), ("", 1), ("a", 0)):
        with pytest.raises(ValidationError):
            Protocol(name=name, version=version, cleaning="none")


def test_the_section_is_checked(caplog) -> None:
    with pytest.raises(InputError, match=r"rexrank@2 compares .*these texts are the findings"):
        score(["a b"], ["a b"], "rexrank", ["bleu_1"], False, section="findings")
    found = score(["a b"], ["a b"], "dcrrg", ["bleu_1"], False, section="findings")
    assert "section:findings" in str(found.signature)
    score(["clear lungs", "big heart"], ["a", "b"], "rexrank", ["bleu_mean"], False)
    assert "0 of 2 references name an impression" in caplog.text
