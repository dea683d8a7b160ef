"""The page of a run: figures from the records alone, tables folded below, nothing that a name could break."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from measured import HOSTILE, page_of, records_of

from rrgbench.observations import OBSERVATIONS
from rrgbench.render.record_tables import tables
from rrgbench.render.run_documents import write_run_documents, write_run_figures
from rrgbench.render.run_figures import MOST, run_figures
from rrgbench.runs.records import Record
from rrgbench.tasks.base import table_descriptions

SVG = "{http://www.w3.org/2000/svg}"


KEYS = ["f1-by-observation", "auroc-by-observation", "precision", "label-efficiency", "error-correlation"]


def test_each_task_has_its_figure() -> None:
    assert [figure.key for figure in run_figures(records_of("dcrrg", "most-frequent"))] == KEYS


def test_what_was_not_measured_is_not_drawn() -> None:
    few = [record for record in records_of("dcrrg") if record.task == "clinical_efficacy"]
    assert [figure.key for figure in run_figures(few)] == ["f1-by-observation"]
    blank = [replace(record, value=None, low=None, high=None, reason="no labels") for record in few]
    assert run_figures(blank) == []


def test_observations_are_sorted_by_how_common_they_are() -> None:
    text = str(run_figures(records_of("dcrrg"))[0].svg())
    places = [text.index(f"{name} ({count})") for count, name in enumerate(OBSERVATIONS)]
    # the last observation is the commonest here, and ticks are written from the top
    assert places == sorted(places, reverse=True)


def test_a_figure_shows_values_where_they_are() -> None:
    """Twice the value lies twice as far to the right."""
    drawn = {}
    for value in (0.25, 0.5, 0.75):
        row = Record("clinical_efficacy", "dcrrg", "p@1", "test", "ce_f1", observation="Edema", value=value, n=3)
        tree = ElementTree.fromstring(str(run_figures([row])[0].svg()))
        markers = [one for one in tree.iter(f"{SVG}use") if "stroke" in (one.get("style") or "")]
        drawn[value] = float(markers[-1].get("x"))
    assert drawn[0.75] - drawn[0.5] == pytest.approx(drawn[0.5] - drawn[0.25])
    assert drawn[0.5] > drawn[0.25]


def test_figures_of_one_page_share_no_name() -> None:
    seen: set[str] = set()
    for figure in run_figures(records_of("dcrrg", "r2gen")):
        own = set(re.findall(r'\bid="([^"]+)"', str(figure.svg())))
        assert not own & seen
        seen |= own


def test_many_models_leave_a_figure_readable() -> None:
    names = [f"model-{number}" for number in range(MOST + 3)]
    text = str(run_figures(records_of(*names))[0].svg())
    assert sum(name in text for name in names) == MOST


@pytest.mark.filterwarnings("ignore:Glyph")
def test_hostile_names_are_text_in_page_and_files(tmp_path) -> None:
    records = records_of(HOSTILE, "another")
    page = page_of(records)
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert len(re.findall("<script", page)) == 1
    for file in write_run_figures(tmp_path, records, ("svg",)):
        ElementTree.parse(file)


def test_the_page_is_whole_and_takes_nothing_from_elsewhere() -> None:
    records = records_of("dcrrg", "most-frequent", "best-constant")
    page = page_of(records)
    made = tables(records, table_descriptions())
    for number in range(1, len(made) + 1):
        assert page.count(f'id="table-{number}"') == 1
    assert page.index("Synthetic") < page.index("<svg")
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", without_names)
    assert "url(http" not in page


def test_equal_records_give_equal_bytes(tmp_path) -> None:
    records = records_of("dcrrg")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_run_documents(tmp_path / name, records, table_descriptions())
        write_run_figures(tmp_path / name, records)
    first = sorted(path for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(first) == 3 + 2 * len(KEYS)
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
