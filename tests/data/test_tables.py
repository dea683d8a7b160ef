"""CSV tables as data sets ship them."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrgbench.data.readers import tables
from rrgbench.data.readers.tables import is_id, read_table, without
from rrgbench.data.splitting import hashed_fraction, split_subjects
from rrgbench.errors import InputError
from rrgbench.scoring.report_text import read_text


def table(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_before_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000))
    assert len(read_table(path, ("a", "b")).rows) == 1_000_000
    monkeypatch.setattr("rrgbench.files.UNPACKED_BYTES", 100_000)
    for read in (lambda: read_table(path, ("a", "b")), lambda: read_text(path)):
        tracemalloc.start()
        with pytest.raises(InputError, match=r"t\.csv\.gz has .* bytes and unpacks to more than"):
            read()
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert held < 2_500_000


def test_cells_are_text_by_column_and_packing_changes_nothing(tmp_path: Path) -> None:
    content = '\ufeffa, b ,c\r\n1," two\nlines ",\r\n\r\n3,,4,,\r\n'.encode()
    plain = read_table(table(tmp_path / "x.csv", content), ("a", "b"))
    packed = read_table(table(tmp_path / "x.csv.gz", gzip.compress(content)), ("a",))
    assert plain.columns == ("a", "b", "c")
    assert list(plain.rows) == [{"a": "1", "b": "two\nlines", "c": ""}, {"a": "3", "b": "", "c": "4"}]
    assert (plain.name, plain.digest) == (packed.name, packed.digest) == ("x.csv", plain.digest)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "x.csv lacks the columns a; it has: no header"),
        ("b\n1\n", "x.csv lacks the columns a; it has: b"),
        ("a,a\n1,2\n", "x.csv has the columns a twice"),
        ("a,b\n1\n", "x.csv line 2 has 1 cells where the header has 2"),
        ("a,b\n1,2,3\n", "x.csv line 2 has 3 cells where the header has 2"),
        (b"a\n1\n\xe9\n", "x.csv line 3 is not UTF-8"),
        ('a,"b\n1,secret of patient 7\n', "the header of x.csv is malformed; check its quotes"),
        ("a\n" + "9" * 200_000, "x.csv line 2 is not CSV"),
    ],
)
def test_a_malformed_table_is_named_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_table(table(tmp_path / "x.csv", content), ("a",))
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_damaged_packing_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n" + bytes(range(48, 90)) * 200)
    for content in (packed[:-20], b"not gzip", packed[:30] + b"\xff" * 40):
        with pytest.raises(InputError, match=r"x\.csv\.gz can't be read"):
            read_table(table(tmp_path / "x.csv.gz", content), ("a",))
    with pytest.raises(InputError, match=r"absent\.csv can't be read"):
        read_table(tmp_path / "absent.csv", ("a",))


def test_identifiers_are_short_and_printable() -> None:
    assert is_id("CXR1_IM-0001")
    assert is_id("Étude 7")
    for text in ("", " ", "a\nb", "a\0", "x" * 201, "a\u2028b"):
        assert not is_id(text)


@given(subjects=st.lists(st.text(max_size=8), max_size=60), seed=st.integers(0, 99))
def test_subjects_are_dealt_in_their_shares(subjects: list[str], seed: int) -> None:
    shares = {"train": 0.7, "validate": 0.1, "test": 0.2}
    splits = split_subjects(subjects, shares, seed)
    distinct = set(subjects)
    assert splits.keys() == distinct
    for split, share in shares.items():
        assert abs(sum(value == split for value in splits.values()) - share * len(distinct)) <= 1
    assert splits == split_subjects(reversed(subjects), shares, seed)


def test_shares_that_are_none_are_refused() -> None:
    for shares in ({"train": 0.5}, {"train": 1.5, "test": -0.5}):
        with pytest.raises(InputError, match="sum to 1"):
            split_subjects(["a"], shares, 0)


def test_hashed_fractions_look_uniform_and_are_the_same_everywhere() -> None:
    values = sorted(hashed_fraction(str(number), 0) for number in range(2000))
    assert max(abs(value - rank / 2000) for rank, value in enumerate(values)) < 0.04
    assert hashed_fraction("subject", 3) == pytest.approx(0.2956277708745839, abs=1e-12)


def test_a_lost_header_shows_no_report(tmp_path: Path) -> None:
    path = tmp_path / "reports.csv"
    path.write_text("1,CXR1,No acute disease is seen.\n2,CXR2,Clear.\n")
    with pytest.raises(InputError) as error:
        read_table(path, ("uid",))
    assert str(error.value) == "reports.csv lacks the columns uid; it has: 1, CXR1, a text of 25 characters"


@pytest.mark.parametrize("place", ["CheXpert-v1.0", "."])
def test_a_root_beside_the_right_one_is_told_which_that_is(tmp_path: Path, place: str) -> None:
    """Paths of CheXpert's tables begin with its folder's name, so that the one around it is given."""
    corpus = tmp_path / place
    (corpus / "train").mkdir(parents=True)
    assert str(without("chexpert", corpus / "train", "train.csv", advice="get it")).endswith("no train.csv; get it")
    (corpus / "train.csv").touch()
    found = without("chexpert", corpus / "train", "train.csv", advice="get it")
    assert str(found).endswith(f"{Path('train') / '..'} has one: give that folder as the root")
    if place != ".":
        assert str(without("chexpert", tmp_path, "train.csv")).endswith(
            f"chexpert: the root has no train.csv; {corpus} has one: give that folder as the root"
        )


def test_a_folder_nearby_that_may_not_be_read_hides_nothing(tmp_path, monkeypatch):
    """`lost+found` at the top of a mounted disk."""
    (tmp_path / "lost+found").mkdir()

    def refused(folder, *names):
        raise PermissionError(folder)

    monkeypatch.setattr(tables, "find_table", refused)
    assert str(tables.without("jsonl", tmp_path, "studies.jsonl")) == "corpus jsonl: the root has no studies.jsonl"
