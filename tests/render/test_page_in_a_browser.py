"""The page of a run in a real browser: sorting, search, folding, signatures, keys; nothing in the console."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from measured import HOSTILE, page_of, records_of

from rrgbench.render.figures.arrays import Arrays
from rrgbench.render.record_tables import tables
from rrgbench.render.run_cases import run_cases
from rrgbench.render.run_figures import run_figures
from rrgbench.render.run_page import PageParts, run_page
from rrgbench.render.run_summary import run_summary
from rrgbench.runs.records import Record
from rrgbench.tasks.base import table_descriptions

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TEXT = f"Large right pleural effusion. {HOSTILE} \\input{{/etc/passwd}} </mark></script><img src=x onerror=alert(2)>"


def signed(records: list[Record]) -> list[Record]:
    return [replace(one, signature=f"rrgbench:1|corpus:c@1|metric:{one.metric}|{one.model}") for one in records]


def kept_of(model: str) -> dict[tuple[str, str], Arrays]:
    generator = np.random.default_rng(0)
    return {
        ("cases", model): {
            "studies": np.array([HOSTILE]),
            "reasons": np.array(["median"]),
            "references": np.array([TEXT]),
            "reports": np.array([TEXT.replace("right", "left")]),
            "films": np.zeros((1, 16, 16), dtype=np.uint8),
        },
        ("classification", model): {
            "probabilities": generator.random((40, 14)).astype(np.float16),
            "target": generator.integers(-1, 2, (40, 14)).astype(np.int8),
        },
        ("report_generation", model): {
            "words": generator.integers(5, 60, 40),
            "reference_words": generator.integers(5, 60, 40),
            "copies": np.array([10, 5, *[1] * 25]),
        },
    }


def whole_page(model: str) -> str:
    records, descriptions = signed(records_of(model, "most-frequent", "best-constant")), table_descriptions()
    kept = kept_of(model)
    parts = PageParts(("Synthetic",), "rrgbench eval", (), tuple(run_cases([model], kept)), "secret@1")
    return run_page(
        run_summary(records, descriptions), tables(records, descriptions), run_figures(records, kept), parts
    )


def told_by(page: str, probe: str, tmp_path: Path) -> dict:
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    log = "<script>const told = {errors: []}; addEventListener('error', e => told.errors.push(e.message));</script>"
    # a block of its own, so that its names are not the page's
    tried = f"try {{ {probe} }} catch (error) {{ told.errors.push(String(error)); }}"
    end = f"<script>{tried} document.title = JSON.stringify(told);</script>"
    file = tmp_path / "page.html"
    text = page.replace("<head>", f"<head>{log}", 1)
    at = text.rindex("</body>")
    file.write_text(text[:at] + end + text[at:], encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, check=True, timeout=120)
    told = json.loads(html.unescape(re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)[1]))
    # alerts would be logged too
    told["console"] = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return told


PROBE = """
const table = [...document.querySelectorAll("details table")].find(one => one.textContent.includes("Edema"));
const rows = () => [...table.tBodies[0].rows].map(row => row.cells[1].textContent.trim());
const names = () => [...table.querySelectorAll("tbody tr:not([hidden])")].map(row => row.cells[0].textContent);
const heads = table.tHead.rows[table.tHead.rows.length - 1];
heads.cells[1].querySelector("button").click();
told.down = rows(); told.sort = heads.cells[1].getAttribute("aria-sort");
heads.cells[1].querySelector("button").click(); told.up = rows();
told.folded = !table.closest("details").open;
const box = document.getElementById("filter");
box.value = "edema"; box.dispatchEvent(new Event("input"));
told.found = names(); told.opened = table.closest("details").open;
box.value = ""; box.dispatchEvent(new Event("input"));
told.all = names().length; told.closed = !table.closest("details").open;
table.closest("details").open = true;
const first = table.querySelector("tbody button.value");
first.focus(); told.tip = document.querySelector("#tip code").textContent;
told.shown = !document.getElementById("tip").hidden;
const press = key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
press("ArrowDown"); told.moved = document.activeElement !== first && document.activeElement.matches("button.value");
told.stops = table.querySelectorAll("button.value[tabindex='0']").length;
press("Escape"); told.hidden = document.getElementById("tip").hidden;
const mark = document.querySelector(".mark[data-s]");
mark.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
told.mark = document.querySelector("#tip b").textContent;
told.wide = document.documentElement.scrollWidth <= innerWidth;
"""


def test_tables_are_sorted_searched_and_folded_and_numbers_say_how_they_were_made(tmp_path: Path) -> None:
    told = told_by(whole_page("dcrrg"), PROBE, tmp_path)
    assert told["errors"] == told["console"] == []
    numbers = [float(re.match(r"\d\.\d{3}", text)[0]) for text in told["down"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 14
    assert told["sort"] == "descending"
    assert told["up"] == told["down"][::-1]
    assert [told[key] for key in ("folded", "opened", "closed")] == [True] * 3
    assert [name.split(" (")[0] for name in told["found"]] == ["Edema"]
    assert told["all"] == 14
    assert [told[key] for key in ("shown", "hidden", "moved")] == [True] * 3
    assert told["tip"].startswith("rrgbench:1| corpus:c@1| metric:")
    assert told["stops"] == 1
    assert told["mark"].startswith("dcrrg, ")
    assert told["wide"]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_hostile_names_reports_and_ids_do_nothing_in_a_browser(tmp_path: Path) -> None:
    page = whole_page(HOSTILE)
    assert "\x1b" not in page
    assert len(re.findall("<script", page)) == 1
    assert "<img src=x" not in page
    probe = "told.images = document.querySelectorAll('img').length; told.scripts = document.scripts.length"
    told = told_by(page, probe, tmp_path)
    assert told["errors"] == told["console"] == []
    # ours, and the two of this test
    assert (told["images"], told["scripts"]) == (1, 3)


def test_a_page_of_patients_says_so() -> None:
    assert "keep this page where the data of secret@1 may be" in whole_page("dcrrg")
    assert "keep this page" not in page_of(records_of("dcrrg"))


def test_every_number_of_a_table_has_its_signature() -> None:
    page = whole_page("dcrrg")
    known = re.search(r'<ol id="signatures" hidden>(.*?)</ol>', page, re.DOTALL)[1].count("<li>")
    used = {int(number) for number in re.findall(r'data-s="(\d+)"', page)}
    assert used == set(range(1, known + 1))
    cells = re.findall(r'<td class="[^"]*">(.*?)</td>', page, re.DOTALL)
    numbers = [cell for cell in cells if re.search(r"\d\.\d{3}", cell)]
    assert len(numbers) > 50
    assert all("data-s=" in cell for cell in numbers)
