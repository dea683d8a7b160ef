"""Films that do not look like upright frontal chest films."""

import numpy as np
import pytest
from PIL import Image

from rrgbench.data.films.looks import odd_look
from rrgbench.data.loading import load_corpus
from rrgbench.data.readers import jsonl as jsonl_reader
from rrgbench.data.validate import validate
from rrgbench.render.corpus_tables import validation_parts
from rrgbench.render.table import Table


@pytest.fixture(scope="module")
def films() -> dict[str, list[np.ndarray]]:
    corpus = load_corpus("phantom-followup")
    found: dict[str, list[np.ndarray]] = {"frontal": [], "lateral": []}
    for study in corpus.studies[:60]:
        for film in study.images:
            found["lateral" if film.view == "LATERAL" else "frontal"].append(film.load(64))
    return found


def share(films: list[np.ndarray], look: str) -> float:
    return float(np.mean([odd_look(film, "PA") == look for film in films]))


def test_frontal_films_look_like_what_they_are(films: dict[str, list[np.ndarray]]) -> None:
    assert share(films["frontal"], "") >= 0.98


def test_laterals_that_are_called_frontal_are_flagged(films: dict[str, list[np.ndarray]]) -> None:
    assert share(films["lateral"], "looks lateral and is called frontal") >= 0.9
    assert {odd_look(film, "LATERAL") for film in films["lateral"]} == {""}
    assert "looks lateral; its view is not known" in {odd_look(film) for film in films["lateral"]}


def test_inverted_and_turned_films_are_flagged(films: dict[str, list[np.ndarray]]) -> None:
    assert share([255 - film for film in films["frontal"]], "looks inverted") >= 0.9
    for turns in (1, 3):
        turned = [np.ascontiguousarray(np.rot90(film, turns)) for film in films["frontal"]]
        assert share(turned, "looks turned by 90 degrees") >= 0.9


def test_blank_and_nearly_blank_films_are_flagged(films: dict[str, list[np.ndarray]]) -> None:
    assert odd_look(np.zeros((64, 64), dtype=np.uint8)) == "blank"
    assert odd_look(np.full((64, 64), 200, dtype=np.uint8), "LATERAL") == "blank"
    faint = [(100 + film // 32).astype(np.uint8) for film in films["frontal"]]
    assert share(faint, "nearly blank") == 1.0


def test_real_frontal_films_are_rarely_flagged(shared) -> None:
    from rrgbench.data.films.images import FilmFile

    paths = sorted(path for path in (shared / "nih_cxr14" / "images").iterdir() if path.is_file())[::4]
    flagged = [odd_look(FilmFile(path).load(64), "PA") for path in paths]
    assert sum(look != "" for look in flagged) <= 0.04 * len(paths)


def test_validate_names_odd_films_and_compares_no_blank_ones(tmp_path, films: dict[str, list[np.ndarray]]) -> None:
    from miniature import jsonl

    root = jsonl(tmp_path)
    for number in (0, 2, 8):
        Image.fromarray(np.zeros((50, 40 + number), dtype=np.uint8)).save(root / "images" / f"{number}.png")
    found = validate(jsonl_reader.load(root))
    assert [(study_id, film) for study_id, film, look in found.odd if look == "blank"] == [
        *(("study-0", "0.png"), ("study-2", "2.png"), ("study-8", "8.png"))
    ]
    assert found.copies == ()
    assert found.problems == ()
    lines = [part for part in validation_parts(found) if not isinstance(part, Table)]
    assert any(line.startswith("films that look odd: ") and "3 blank" in line for line in lines)
    assert "  study-2 2.png: blank" in lines
    assert {"study_id": "study-2", "film": "2.png", "look": "blank"} in found.to_json()["odd"]
