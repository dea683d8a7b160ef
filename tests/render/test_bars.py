"""Progress where bars can't be drawn."""

import sys

import pytest

from rrgbench.cli.progress import status
from rrgbench.render.bars import Bars, shown


@pytest.mark.parametrize(
    ("terminal", "environment"),
    [(False, {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}), (True, {"TERM": "dumb"}), (False, {})],
)
def test_there_are_lines_where_bars_can_not_be_drawn(terminal, environment, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    for name in ("TERM", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with shown("a job", True) as bars, status("reading"):
        bars.overall("the \x1b[31mfirst part", 0, 2)
        bars.part("films", 1, 10)
    told = capsys.readouterr().err
    assert "[0/2] the �[31mfirst part" in told
    assert "\x1b" not in told


def test_a_terminal_gets_bars(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert Bars("a job").live
    with shown("a job") as bars:
        bars.overall("the first part", 0, 2)
    assert "a job" in capsys.readouterr().err
