"""Validation of a corpus, and the figures and pages that show it."""

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from miniature import iu_openi, jsonl, nih_cxr14, write_film
from PIL import Image
from typer.testing import CliRunner

from rrgbench.cli.data import app
from rrgbench.data.readers import iu_xray
from rrgbench.data.readers import jsonl as jsonl_reader
from rrgbench.data.readers import nih_cxr14 as nih_reader
from rrgbench.data.study import Study, blank_labels
from rrgbench.data.validate import count_labels, validate
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.contact_sheet import contact_sheet, preview_page, tile_of
from rrgbench.render.label_chart import write_label_chart

runner = CliRunner()


def smooth(seed: int, size: int = 96) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


def test_counts_lengths_and_labels_are_those_of_the_corpus(tmp_path: Path) -> None:
    corpus = jsonl_reader.load(jsonl(tmp_path))
    found = validate(corpus)
    train = next(summary for summary in found.splits if summary.split == "train")
    assert sum(summary.studies for summary in found.splits) == 20
    assert sum(summary.films for summary in found.splits) == 20
    assert (train.studies, train.reports, train.without_report) == (14, 14, 0)
    assert train.words == (5, 5, 5)
    total = sum(found.labels.values())
    assert total[OBSERVATIONS.index("Edema")].tolist() == [10, 0, 0, 0]
    assert total[OBSERVATIONS.index("Pneumonia")].tolist() == [0, 10, 0, 0]
    assert found.problems == ()
    json.dumps(found.to_json())


def test_unreadable_films_are_all_named(tmp_path: Path) -> None:
    root = jsonl(tmp_path)
    (root / "images" / "3.png").unlink()
    (root / "images" / "4.png").write_bytes(b"no film")
    with pytest.raises(InputError, match="1 of 20 listed films are absent"):
        jsonl_reader.load(root)
    found = validate(jsonl_reader.load(root, check_images=False))
    assert [study_id for study_id, _ in found.unreadable] == ["study-3", "study-4"]
    assert "3.png of study study-3 is missing" in found.unreadable[0][1]
    assert found.problems == ("2 films can't be read",)


def test_copies_are_told_apart_by_where_they_lie(tmp_path: Path) -> None:
    root = jsonl(tmp_path / "a")
    corpus = jsonl_reader.load(root)
    by_split = {split: [study.images[0].path for study in corpus.split(split)] for split in corpus.splits}
    for name, source in {"first": 100, "second": 200}.items():
        smooth(source).save(tmp_path / f"{name}.png")
    # across splits, re-sized on the way
    smooth(100).save(by_split["train"][0])
    smooth(100).resize((70, 70)).save(by_split["test"][0])
    # within a split
    smooth(200).save(by_split["train"][1])
    shutil.copy(by_split["train"][1], by_split["train"][2])
    found = validate(jsonl_reader.load(root))
    assert len(found.leaks) == 1
    assert {copy.split for copy in found.leaks[0]} == {"train", "test"}
    assert found.problems == ("1 film lies in two splits",)
    assert len(found.copies) == 2
    other = jsonl(tmp_path / "b", studies=2)
    smooth(200, 50).save(other / "images" / "0.png")
    write_film(other / "images" / "1.png", seed=999)
    both = validate(jsonl_reader.load(root), jsonl_reader.load(other))
    assert len(both.shared) == 1
    assert len(both.shared[0]) == 3
    assert len(both.leaks) == 1


def test_two_renderings_of_one_exposure_are_no_leak(tmp_path: Path) -> None:
    root = iu_openi(tmp_path)
    smooth(1).save(root / "images" / "CXR2_IM-0002-3001.png")
    smooth(1).save(root / "images" / "CXR2_IM-0002-4001.png")
    found = validate(iu_xray.load(root))
    assert len(found.within_study) == 1
    assert found.problems == ()


def test_unlabelled_studies_are_not_counted() -> None:
    labels = blank_labels()
    labels[0] = 1
    studies = [Study("a", "a", "train", labels=labels), Study("b", "b", "train")]
    counts = count_labels(studies)
    assert counts.sum() == len(OBSERVATIONS)
    assert counts[0].tolist() == [1, 0, 0, 0]
    assert count_labels([]).sum() == 0


def test_the_chart_has_bars_of_the_lengths_of_the_counts(tmp_path: Path) -> None:
    counts = np.zeros((14, 4), dtype=np.int64)
    counts[2], counts[5] = (40, 10, 50, 0), (25, 0, 75, 0)
    labelled = tuple(name for name in OBSERVATIONS if name != "Fracture")
    for number in (1, 2):
        write_label_chart(tmp_path / f"{number}.svg", "<a & b> $\\frac{$ \x1b[31m", counts, labelled, 100)
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    root = ElementTree.parse(tmp_path / "1.svg").getroot()
    texts = [(element.text or "").strip() for element in root.iter()]
    assert "<a & b> $\\frac{$ \ufffd[31m" in texts
    assert "40 (40.0 %) + 10" in texts
    assert texts.count("not labelled") == 1
    widths = {}
    for element in root.iter():
        colour = next((c for c in ("#1f5f8b", "#a9c9de") if c in element.get("style", "")), "")
        numbers = [float(x) for x in re.findall(r"[-\d.]+", element.get("d", ""))] if colour else []
        if numbers and max(numbers[::2]) > min(numbers[::2]):
            widths.setdefault(colour, []).append(max(numbers[::2]) - min(numbers[::2]))
    cardiomegaly, edema = sorted(widths["#1f5f8b"], reverse=True)[:2]
    assert cardiomegaly / edema == pytest.approx(40 / 25, rel=0.01)
    assert cardiomegaly / max(widths["#a9c9de"]) == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_the_chart_in_other_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"labels{suffix}"
    write_label_chart(path, "corpus", np.ones((14, 4), dtype=np.int64), OBSERVATIONS, 4)
    assert path.read_bytes().startswith({".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix])


HOSTILE = '<script>alert(1)</script> & "quotes" {{ 7 * 7 }} \u202eright to left'


def test_the_page_escapes_what_the_data_says(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.png")
    corpus = jsonl_reader.load(_one(tmp_path, film.name, HOSTILE))
    page = preview_page("Corpus <x>", "1 study", [tile_of(study, 32) for study in corpus])
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "49" not in page.split("<article>")[1].split("base64,")[0]
    assert "Corpus &lt;x&gt;" in page
    assert page.count("data:image/png;base64,") == 1
    assert "http" not in page


def _one(root: Path, image: str, report: str) -> Path:
    entry = {"study_id": "<b>1</b>", "subject_id": "1", "images": [image], "report": report, "labels": {"Edema": 1}}
    (root / "studies.jsonl").write_text(json.dumps(entry), encoding="utf-8")
    return root


def test_the_sheet_holds_every_film_where_it_belongs(tmp_path: Path) -> None:
    corpus = nih_reader.load(nih_cxr14(tmp_path, patients=4))
    (tmp_path / "images" / "00000001_001.png").write_bytes(b"broken")
    tiles = [tile_of(study, 40) for study in corpus.studies[:7]]
    sheet = np.asarray(contact_sheet(tiles, 40, 3))
    assert sheet.shape[1] == 3 * 48 + 8
    first, third = tiles[0].film, tiles[2].film
    assert first is not None
    assert third is not None
    np.testing.assert_array_equal(sheet[8:48, 8:48], first)
    np.testing.assert_array_equal(sheet[8:48, 104:144], third)
    assert tiles[1].film is None
    assert "can't be decoded" in tiles[1].problem


def test_validate_prints_and_ends_with_the_right_code(tmp_path: Path) -> None:
    root = nih_cxr14(tmp_path)
    passing = runner.invoke(app, ["validate", "--corpus", "nih-cxr14", "--root", str(root)])
    assert passing.exit_code == 0
    assert "passes" in passing.stdout
    assert "not labelled in this corpus: Enlarged Cardiomediastinum, Fracture, Support Devices" in passing.stdout
    (root / "images" / "00000001_000.png").unlink()
    failing = runner.invoke(app, ["validate", "--corpus", "nih-cxr14", "--root", str(root), "--json"])
    assert failing.exit_code == 2
    found = json.loads(failing.stdout)
    assert found["problems"] == ["1 films can't be read"]
    assert found["unreadable"][0]["study_id"] == "00000001_000"


def test_copies_within_the_corpus_beside_carry_its_name(tmp_path: Path) -> None:
    root, other = nih_cxr14(tmp_path / "nih"), jsonl(tmp_path / "own")
    for path in sorted((root / "images").iterdir())[:2]:
        smooth(900).save(path)
    arguments = ["validate", "--corpus", "jsonl", "--root", str(other), "--beside", "nih-cxr14", "--beside-root"]
    shown = runner.invoke(app, [*arguments, str(root)]).stdout
    copied = [line for line in shown.splitlines() if "00000001_000" in line]
    assert [line.count("nih-cxr14@") for line in copied] == [2]
    alone = runner.invoke(app, ["validate", "--corpus", "nih-cxr14", "--root", str(root)]).stdout
    copied = [line for line in alone.splitlines() if "00000001_000" in line]
    assert [line.count("nih-cxr14") for line in copied] == [0]


def test_stats_counts_labels_or_labels_reports(tmp_path: Path) -> None:
    root = iu_openi(tmp_path, films=False)
    figure = tmp_path / "labels.svg"
    arguments = ["stats", "--corpus", "iu-xray", "--root", str(root), "--out", str(figure), "--json"]
    shown = json.loads(runner.invoke(app, arguments).stdout)
    assert shown["studies"] == 10
    assert shown["labels"]["Pleural Effusion"]["negative"] == 10
    ElementTree.parse(figure)
    both = json.loads(runner.invoke(app, [*arguments, "-o", "section=both"]).stdout)
    assert both["studies"] == 12


def test_preview_writes_a_sheet_and_a_page(tmp_path: Path) -> None:
    root = jsonl(tmp_path / "corpus")
    arguments = ["preview", "--corpus", "jsonl", "--root", str(root), "--count", "5", "--size", "48"]
    shown = runner.invoke(app, [*arguments, "--out", str(tmp_path / "look")])
    assert shown.exit_code == 0
    assert Image.open(tmp_path / "look" / "preview.png").size[0] == 5 * 56 + 8
    assert (tmp_path / "look" / "preview.html").read_text(encoding="utf-8").count("<article>") == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate", "--corpus", "jsonl"], "needs a root"),
        (["validate", "--corpus", "phantom", "--beside-root", "x"], "--beside-root is given without --beside"),
        (["stats", "--corpus", "jsonl", "-o", "section"], "--option expects KEY=VALUE"),
        (["stats", "--corpus", "jsonl", "-o", "colour=red"], "corpus jsonl takes no colour; it takes: name"),
    ],
)
def test_wrong_use_is_named(arguments: list[str], message: str) -> None:
    result = runner.invoke(app, arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_the_real_corpora_pass_and_their_copies_are_found(shared: Path) -> None:
    large = nih_reader.load(shared / "nih_cxr14")
    small = nih_reader.load(shared / "nih_cxr14_64px")
    found = validate(large, small)
    assert found.problems == ()
    assert len(found.shared) == 5
    assert all(len({copy.study_id for copy in group}) == 1 for group in found.shared)
    assert [[copy.study_id for copy in group] for group in found.copies if group not in found.shared] == [
        ["00002658_001", "00002658_002"]
    ]
    pairs = validate(jsonl_reader.load(shared / "covid_cxr"))
    assert pairs.problems == ()
    # one patient under two subject ids, by the source's own mistake
    assert [sorted({copy.subject_id for copy in group}) for group in pairs.copies] == [["178", "97"]] * 4
    assert validate(iu_xray.load(shared / "iu_xray")).problems == ()


def test_a_study_with_neither_film_nor_report_does_not_pass(tmp_path: Path) -> None:
    """As misspelt keys leave one, of which a line is all that is said."""
    root = jsonl(tmp_path)
    with (root / "studies.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"study_id": "lost", "subject_id": "p", "image": "images/0.png", "repotr": "Clear."}\n')
        file.write('{"study_id": "other", "subject_id": "q", "sections": {"impression": "Clear."}}\n')
    found = validate(jsonl_reader.load(root))
    assert found.problems == ("1 study has neither film nor report: lost",)
    assert found.to_json()["empty"] == ["lost"]
