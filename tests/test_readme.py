"""The table in README.md is that of the leaderboard's entries."""

import re
from pathlib import Path

import yaml

from rrgbench.render.table import Cell, interval_text, value_text

ROOT = Path(__file__).resolve().parents[1]


def test_the_results_are_those_of_the_entries() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("| system | BLEU-4 |")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.M)[1:]]
    entries = {}
    for path in (ROOT / "leaderboards" / "entries").glob("iu-xray-r2gen-2-590-*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries[content["system"]] = {(one["metric"], one.get("setting")): one for one in content["values"]}
    shown = {row[0].replace("*", ""): row[1:] for row in rows[:6] if len(row) == 5}
    assert len(shown) == 6
    for system, cells in shown.items():
        found = entries[system]
        for cell, key in zip(cells, (("bleu_4", None), ("cider", None), ("ce_f1", "macro")), strict=False):
            one = Cell(found[key]["value"], found[key].get("low"), found[key].get("high"))
            interval = f" ({interval_text(one)})" if interval_text(one) else ""
            assert cell == f"{value_text(one)}{interval}", (system, key)
        assert cells[3] == str(int(found["distinct_reports", None]["value"]))
