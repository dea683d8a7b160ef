"""Names and ids that would steer a terminal, a page, a table or a path, and texts that errors must not repeat."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from torment import Place

from rrgbench.terminal_text import STEERING

NASTY = "a\x1b[31m\x9b\u202e[/x][bold]<b>&_$%#{}^~\\|=`"

SECRET = "zygomatic patient Smith has an effusion"


def write(place: Place, name: str, ids: list[str], text: str = "no effusion seen") -> Path:
    rows = [json.dumps({"study_id": one, "report": f"{text} {number}"}) for number, one in enumerate(ids)]
    return place.write(name, "\n".join(rows) + "\n")


@pytest.mark.parametrize("words", [(), ("--json",), ("--markdown",), ("--latex",)])
def test_ids_and_names_that_steer(place: Place, words: tuple[str, ...]) -> None:
    """Ids and system names hold escape sequences, markup, marks of direction: they are shown as text."""
    ids = [f"{NASTY}{number}" for number in range(4)]
    for name in ("r.jsonl", "a.jsonl", "b.jsonl"):
        write(place, name, ids, f"{name[0]} effusion")
    metrics = ("--metrics", "bleu_1", "--permutations", "10")
    ended = place.run("compare", f"{NASTY}=a.jsonl", "b.jsonl", "--references", "r.jsonl", *metrics, *words).owes(0)
    if words != ("--json",):
        assert not STEERING.search(ended.out.replace("\n", "")), repr(ended.out[:500])
    if words == ("--markdown",):
        assert "<b>" not in ended.out.replace("\\<", "")
        rows = [line for line in ended.out.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, ended.out
    if words == ("--latex",):
        assert "\\_" in ended.out


def test_cells_that_a_spreadsheet_would_compute(place: Place) -> None:
    """Ids that begin with = or @ are written to CSV so that no spreadsheet computes them."""
    ids = ["=1+1", "@cmd", "+2", "-3", "\t=4"]
    write(place, "r.jsonl", ids)
    words = ("score", "--predictions", "r.jsonl", "--references", "r.jsonl", "--metrics", "bleu_1", "--no-intervals")
    place.run(*words, "--per-study", "s.csv").owes(0)
    cells = [row[0] for row in csv.reader(io.StringIO((place / "s.csv").read_text(encoding="utf-8")))][1:]
    # in the order of the ids, as studies are scored
    assert cells == ["'\t=4", "+2", "-3", "'=1+1", "'@cmd"]


@pytest.mark.parametrize("name", ["x/../../escaped", "../escaped", "/tmp/escaped", "a\nb", "", ".hidden", "con:"])
def test_a_suite_whose_name_is_a_path(place: Place, name: str) -> None:
    """A suite is called by a path: refused, and nothing is written outside runs/."""
    place.write("suite.yaml", f"name: {json.dumps(name)}\ntasks: {{report_generation: {{}}}}\n")
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    place.run("eval", "--model", "fixed-template", "--suite", "suite.yaml", *corpus).owes(2, "name")
    assert sorted(path.name for path in place.folder.iterdir()) == ["suite.yaml"]
    assert not (place.folder.parent / "escaped").exists()


SHOWN = {
    "CSV whose header is a report": ("p.csv", f"{SECRET},{SECRET} 2,3\na,{SECRET},4\n"),
    "cut JSON": ("p.jsonl", json.dumps({"study_id": "a", "report": SECRET})[:-1] + "\n"),
    "flipped JSON": ("p.json", "{" + json.dumps(SECRET) + ": " + json.dumps(SECRET) + "x}"),
    "report as id": ("p.jsonl", json.dumps({"study_id": SECRET * 9, "report": "x"}) + "\n"),
    "report as key": ("p.jsonl", json.dumps({SECRET: 1, "report": "x"}) + "\n"),
    "key twice": ("p.json", "{" + f'"{SECRET}": 1, "{SECRET}": 2' + "}"),
    "list of texts": ("p.json", json.dumps([SECRET, SECRET, SECRET])),
    "number": ("p.jsonl", json.dumps({"study_id": "a", "report": [SECRET]}) + "\n"),
    "not UTF-8": ("p.jsonl", b'{"study_id": "a", "report": "' + SECRET.encode() + b'\xff"}\n'),
    "half a character": ("p.jsonl", '{"study_id": "a", "report": "' + SECRET + '\\ud800"}\n'),
    "lone surrogate bytes": ("p.jsonl", b'{"study_id": "a", "report": "' + SECRET.encode() + b'\xed\xa0\x80"}\n'),
    "NUL": ("p.csv", f"study_id,report\na,{SECRET}\0\nc,{SECRET}\n"),
    "quote left open": ("p.csv", f'study_id,report\na,"{SECRET}\nb,{SECRET}\n'),
    "too many columns": ("p.csv", f"study_id,report\na,{SECRET},{SECRET}\n"),
}


@pytest.mark.parametrize("how", SHOWN)
@pytest.mark.parametrize("command", ["score", "eval", "compare", "trials"])
def test_errors_repeat_no_report(place: Place, how: str, command: str) -> None:
    """A malformed file of reports: the message holds none of their words."""
    name, content = SHOWN[how]
    place.write(name, content)
    write(place, "r.jsonl", ["a", "b"])
    words = {
        "score": ("score", "--predictions", name, "--references", "r.jsonl", "--metrics", "bleu_1"),
        "eval": ("eval", "--predictions", name, "--corpus", "jsonl", "--root", place.made("corpus")),
        "compare": ("compare", name, "r.jsonl", "--references", "r.jsonl", "--metrics", "bleu_1"),
        "trials": ("score", "--predictions", "r.jsonl", "--references", name, "--metrics", "bleu_1"),
    }[command]
    place.run(*words).owes(2, never=("zygomatic", "Smith", "patient"))


def test_a_corpus_with_half_a_character(place: Place) -> None:
    """A corpus's report holds half of a character: every command that reads it says so."""
    corpus = place.copy("corpus")
    text = (corpus / "studies.jsonl").read_text().replace("no effusion or edema", "no \\ud800 edema", 1)
    (corpus / "studies.jsonl").write_text(text)
    common = ("--corpus", "jsonl", "--root", "corpus")
    preset = place.made("trained").parent / "preset.yaml"
    for words in (
        ("data", "validate", *common),
        ("data", "stats", *common),
        ("eval", "--model", "fixed-template", *common),
        ("train", "--model", "s&t", "--preset", preset, *common),
        ("data", "preview", *common),
        ("explain", "--study", "s1", *common),
    ):
        ended = place.run(*words)
        assert "half a character" in ended.err + ended.out, (words, ended)
        ended.owes(2)


def test_what_was_run_is_written_down_without_folders(place: Place) -> None:
    """run.json, the page and the tables hold no folder of the machine."""
    run = place.made("run")
    for name in ("run.json", "report.html", "tables.md", "tables.tex", "results.json"):
        text = (run / name).read_text(encoding="utf-8")
        assert str(run.parent) not in text, name
        assert str(Path.home()) + "/" not in text, name
