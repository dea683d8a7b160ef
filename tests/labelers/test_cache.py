"""The label cache: once per text and labeler, safe against sharing and wrong files."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rrgbench.errors import InputError, UnknownNameError
from rrgbench.labelers import LABELERS, CachedLabeler, RememberingLabeler, RulesLabeler, load

REPORTS = ["Small left effusion.", "No pneumothorax.", "Mild cardiomegaly.", "Small left effusion.", ""]


class CountingLabeler(RulesLabeler):
    """Remembers what it was asked."""

    def __init__(self, version: str = "1") -> None:
        super().__init__()
        self.version = version
        self.asked: list[str] = []

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        self.asked.extend(reports)
        return super().label(reports)


def test_each_text_is_labelled_once_across_runs(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "labels.sqlite"
    first = CountingLabeler()
    labels = CachedLabeler(first, path).label(REPORTS)
    np.testing.assert_array_equal(labels, RulesLabeler().label(REPORTS))
    assert sorted(first.asked) == sorted(set(REPORTS))
    second = CountingLabeler()
    np.testing.assert_array_equal(CachedLabeler(second, path).label([*REPORTS, "Edema."])[:5], labels)
    assert second.asked == ["Edema."]


def test_another_version_shares_nothing(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    CachedLabeler(CountingLabeler("1"), path).label(REPORTS)
    other = CountingLabeler("2")
    CachedLabeler(other, path).label(REPORTS)
    assert len(other.asked) == 4


def test_texts_are_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    CachedLabeler(RulesLabeler(), path).label(REPORTS)
    assert b"effusion" not in path.read_bytes()


def test_many_reports_and_none(tmp_path: Path) -> None:
    cached = load("rules", cache=tmp_path / "labels.sqlite")
    many = [f"There is a {size} mm nodule." for size in range(1500)]
    assert cached.label(many).shape == (1500, 14)
    assert (cached.label(many)[:, 3] == 1).all()
    assert cached.label([]).shape == (0, 14)
    assert cached.identity == "rules@4"
    assert (cached.name, cached.version) == ("rules", "4")


def test_a_file_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100, encoding="utf-8")
    with pytest.raises(InputError, match=r"notes\.txt"):
        CachedLabeler(RulesLabeler(), path)


@pytest.mark.parametrize("damage", ["UPDATE labels SET labels = zeroblob(14)", "UPDATE labels SET labels = 'text'"])
def test_labels_that_were_changed_are_labelled_again(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "labels.sqlite"
    labels = CachedLabeler(RulesLabeler(), path).label(REPORTS)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(damage)
    again = CountingLabeler("3")
    np.testing.assert_array_equal(CachedLabeler(again, path).label(REPORTS), labels)
    assert len(again.asked) == 4
    np.testing.assert_array_equal(CachedLabeler(again, path).label(REPORTS), labels)
    assert len(again.asked) == 4, "what was labelled again is kept"


def test_a_row_that_took_another_texts_place_is_labelled_again(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    labels = CachedLabeler(RulesLabeler(), path).label(REPORTS)
    with closing(sqlite3.connect(path)) as connection, connection:
        (row,) = connection.execute("SELECT labels FROM labels LIMIT 1").fetchone()
        connection.execute("UPDATE labels SET labels = ?", (row,))
    np.testing.assert_array_equal(CachedLabeler(RulesLabeler(), path).label(REPORTS), labels)


def test_a_file_damaged_while_in_use_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "labels.sqlite"
    cached = CachedLabeler(RulesLabeler(), path)
    labels = cached.label(REPORTS)
    path.write_bytes(b"not a database, " * 100)
    np.testing.assert_array_equal(cached.label(REPORTS), labels)
    assert "can't be read" in caplog.text
    assert "can't be written" in caplog.text


def test_a_place_that_takes_no_file_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path, tmp_path / "file" / "labels.sqlite"):
        np.testing.assert_array_equal(
            CachedLabeler(RulesLabeler(), place).label(REPORTS), RulesLabeler().label(REPORTS)
        )
        assert "its labels are not kept" in caplog.text


def test_a_file_that_has_grown_too_large_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rrgbench.labelers.cache._MOST_BYTES", 40_000)
    cached = CachedLabeler(RulesLabeler(), tmp_path / "labels.sqlite")
    for start in range(0, 3000, 500):
        cached.label([f"There is a {size} mm nodule." for size in range(start, start + 500)])
    assert (tmp_path / "labels.sqlite").stat().st_size < 100_000


def test_no_reports_have_no_labels_however_they_are_remembered(tmp_path: Path) -> None:
    for labeler in (RememberingLabeler(RulesLabeler()), CachedLabeler(RulesLabeler(), tmp_path / "labels.sqlite")):
        assert labeler.label([]).shape == (0, 14)
        assert labeler.label(["Edema.", "Edema."]).shape == (2, 14)


def test_the_package_offers_the_labelers_without_a_further_import() -> None:
    words = "import rrgbench; print(rrgbench.labelers.load('rules').label(['Edema.'])[0, 5])"
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert told.stdout == "1\n"


def test_a_version_is_loaded_by_name_or_refused() -> None:
    assert {"rules", "rules@1", "chexbert"} <= set(LABELERS.names())
    assert load("rules@1").identity == "rules@1"
    with pytest.raises(InputError, match=r"has no version 99; here are rules@1, rules@2"):
        load("rules@99")


def test_unknown_names_and_options() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'chexbert'"):
        load("chexpert")
    with pytest.raises(InputError, match="takes no speed"):
        load("rules", speed=2)
