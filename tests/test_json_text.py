"""JSON refuses keys that stand twice and halves of characters; files that never end are no files."""

import os

import pytest

from rrgbench.errors import InputError
from rrgbench.files import read_regular
from rrgbench.json_text import read_json
from rrgbench.leaderboard.entry import read_entry
from rrgbench.reproduction.registry import load_published
from rrgbench.runs.drift import read_tolerances
from rrgbench.runs.store import read_results
from rrgbench.scoring.protocols import load_protocol
from rrgbench.tasks.configuration import read_configuration


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "'a' stands twice"),
        ('[{"a": {"b": 1, "b": 1}}]', "'b' stands twice"),
        ('{"No acute disease today": 1, "No acute disease today": 1}', "^a key stands twice"),
        ('"\\ud83d"', "half a character"),
        ('{"a": ["\\uDE00\\ud83d"]}', "half a character"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "thousands of digits"),
    ],
)
def test_what_can_be_read_two_ways_or_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_json(text)


def test_whole_characters_stay_however_they_are_written() -> None:
    assert read_json('{"a": "\\ud83d\\ude00", "b": "\\\\ud83d"}') == {"a": "\U0001f600", "b": "\\ud83d"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
@pytest.mark.parametrize("read", [read_configuration, read_entry, load_published, read_tolerances, load_protocol])
def test_no_reader_of_yaml_waits_for_a_pipe(tmp_path, read) -> None:
    os.mkfifo(tmp_path / "mine.yaml")
    place = tmp_path if read is load_published else tmp_path / "mine.yaml"
    with pytest.raises(InputError, match=r"mine\.yaml is no regular file"):
        read(str(place) if read is load_protocol else place)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_a_pipe_is_named_and_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "results.json")
    for read in (read_regular, read_results):
        with pytest.raises(InputError, match=r"results\.json is no regular file"):
            read(tmp_path / "results.json")
    with pytest.raises(InputError, match="no regular file"):
        read_results(tmp_path)
    (tmp_path / "file").write_bytes(b"text")
    assert read_regular(tmp_path / "file") == b"text"
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)
