"""Mutated tables, JSON and films: each load ends in a corpus or in one named line, never in a crash or a hang.

Together the tests below try 2,230 mutations on every run; no message holds a report's text, and what is read is all
that a table names. The seeds are fixed so that a failure can be seen again.
"""

import gzip
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from miniature import (
    chexpert,
    iu_annotation,
    iu_kaggle,
    iu_openi,
    iu_xml,
    jsonl,
    mimic_annotation,
    mimic_cxr,
    nih_cxr14,
    write_csv,
)
from mutating import mutate
from PIL import Image

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.images import FilmFile
from rrgbench.data.readers import chexpert as chexpert_reader
from rrgbench.data.readers import iu_xray
from rrgbench.data.readers import jsonl as jsonl_reader
from rrgbench.data.readers import mimic_cxr as mimic_reader
from rrgbench.data.readers import nih_cxr14 as nih_reader
from rrgbench.data.readers.tables import read_table
from rrgbench.errors import InputError

SECONDS = 5.0
"""No single load of a miniature or of one film takes more of a processor than this, however busy the machine."""

REPORT_TEXT = (
    "heart is",
    "acute disease",
    "There is a",
    "Follow up at",
    "of breath",
    "lungs",
    "A report",
    "pleural eff",
)


def chexpert_official(root: Path) -> Path:
    (chexpert(root, test=True) / "test.csv").rename(root / "test_labels.csv")
    return root


def mimic_sectioned(root: Path) -> Path:
    """Reports as the section parser's table, in the folder of the films."""
    corpus = mimic_reader.load(mimic_cxr(root / "whole"))
    rows = [
        (study.study_id, study.sections.get("impression", ""), study.report or "", "", "There is a comparison")
        for study in corpus
    ]
    mimic_cxr(root, reports=False)
    columns = ("study", "impression", "findings", "last_paragraph", "comparison")
    write_csv(root / "mimic_cxr_sectioned.csv", columns, rows)
    return root


def nih_rows(path: Path) -> int:
    return len({row["Image Index"] for row in read_table(path, ()).rows})


def chexpert_studies(path: Path) -> int:
    paths = {row["Path"] for name in ("train.csv", "valid.csv") for row in read_table(path.parent / name, ()).rows}
    return len({tuple(name.split("/")[-4:-1]) for name in paths})


def jsonl_lines(path: Path) -> int:
    return sum(bool(line.strip()) for line in path.read_text(encoding="utf-8-sig").split("\n"))


NAMED_STUDIES: dict[str, Callable[[Path], int]] = {
    "nih-table": nih_rows,
    "chexpert": chexpert_studies,
    "jsonl": jsonl_lines,
}
"""Studies that a (mutated) table names, for those readers that keep them all."""


CASES: dict[str, tuple[Callable[[Path], Path], Callable[..., Corpus], str]] = {
    "nih-table": (nih_cxr14, nih_reader.load, "Data_Entry_2017_v2020.csv"),
    "nih-list": (nih_cxr14, nih_reader.load, "test_list.txt"),
    "iu-openi": (iu_openi, iu_xray.load, "openi_reports.csv"),
    "iu-kaggle": (iu_kaggle, iu_xray.load, "indiana_reports.csv"),
    "iu-projections": (iu_kaggle, iu_xray.load, "indiana_projections.csv"),
    "iu-annotation": (iu_annotation, iu_xray.load, "annotation.json"),
    "iu-archive": (iu_xml, iu_xray.load, "NLMCXR_reports.tgz"),
    "mimic-split": (mimic_cxr, mimic_reader.load, "mimic-cxr-2.0.0-split.csv.gz"),
    "mimic-metadata": (mimic_cxr, mimic_reader.load, "mimic-cxr-2.0.0-metadata.csv.gz"),
    "mimic-labels": (mimic_cxr, mimic_reader.load, "mimic-cxr-2.0.0-chexpert.csv.gz"),
    "mimic-report": (mimic_cxr, mimic_reader.load, "files/p10/p10000000/s50000000.txt"),
    "mimic-annotation": (mimic_annotation, mimic_reader.load, "annotation.json"),
    "mimic-sectioned": (mimic_sectioned, mimic_reader.load, "mimic_cxr_sectioned.csv"),
    "chexpert": (chexpert, partial(chexpert_reader.load, views="all", film_labels="first"), "train.csv"),
    "chexpert-refuse": (chexpert, chexpert_reader.load, "train.csv"),
    "chexpert-official": (chexpert_official, chexpert_reader.load, "test_labels.csv"),
    "jsonl": (jsonl, jsonl_reader.load, "studies.jsonl"),
}


@pytest.mark.parametrize("case", CASES)
def test_mutated_tables_are_read_or_named(tmp_path: Path, case: str) -> None:
    make, load, name = CASES[case]
    root = make(tmp_path)
    path = root / name
    original = path.read_bytes()
    outcomes: Counter[str] = Counter()
    rng = random.Random(case)
    for trial in range(90):
        if name.endswith((".gz", ".tgz")) and trial % 2:
            content = gzip.compress(mutate(gzip.decompress(original), rng), compresslevel=1)
        else:
            content = mutate(original, rng)
        path.write_bytes(content)
        started = time.process_time()
        corpora: list[Corpus] = []
        outcomes[outcome(lambda corpora=corpora: corpora.append(load(root)))] += 1
        assert time.process_time() - started < SECONDS
        if corpora and case in NAMED_STUDIES:
            assert len(corpora[0]) == NAMED_STUDIES[case](path)
    assert outcomes["named"] + outcomes["read"] == 90
    # A harness that only ever sees one of the two would test nothing.
    assert outcomes["named"] >= 5


def outcome(action: Callable[[], object]) -> str:
    """`read` or `named`; anything but an InputError in one line without folders fails the test."""
    try:
        action()
    except InputError as error:
        message = str(error)
        assert "\n" not in message
        assert "pytest" not in message
        assert len(message) < 1000
        assert not any(text in message for text in REPORT_TEXT), message
        return "named"
    return "read"


def films(folder: Path) -> list[Path]:
    """One healthy film of each kind."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 48), dtype=np.uint8)
    image = Image.fromarray(noise)
    kinds = {
        "grey.png": image,
        "deep.png": Image.fromarray(noise.astype(np.uint16) * 257),
        "palette.png": image.convert("P"),
        "transparent.png": image.convert("RGBA"),
        "film.jpg": image,
        "film.tif": image,
        "film.bmp": image,
        "film.gif": image.convert("P"),
    }
    paths = []
    for name, kind in kinds.items():
        kind.save(folder / name)
        paths.append(folder / name)
    return paths


def test_mutated_films_are_read_or_named(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    rng = random.Random(7)
    for path in films(tmp_path):
        original = path.read_bytes()
        for _ in range(60):
            path.write_bytes(mutate(original, rng))
            started = time.process_time()
            outcomes[outcome(lambda path=path: check_shape(FilmFile(path)))] += 1
            assert time.process_time() - started < SECONDS
    assert outcomes["named"] >= 50
    assert outcomes["read"] >= 50


def check_shape(film: FilmFile) -> None:
    loaded = film.load(24)
    assert loaded.shape == (24, 24)
    assert loaded.dtype == np.uint8


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom.*")
def test_mutated_dicom_is_read_or_named(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="pydicom is an optional part (extra: dicom)")
    from test_dicom import RAMP, dicom

    elements = {"WindowCenter": 2000, "WindowWidth": 3000, "RescaleSlope": 1, "RescaleIntercept": 0}
    film = dicom(tmp_path / "film.dcm", RAMP[:16, :16].copy(), **elements)
    original = film.path.read_bytes()
    outcomes: Counter[str] = Counter()
    rng = random.Random(11)
    for _ in range(200):
        film.path.write_bytes(mutate(original, rng))
        started = time.process_time()
        outcomes[outcome(lambda: check_shape(film))] += 1
        assert time.process_time() - started < SECONDS
    assert outcomes["named"] >= 20
    assert outcomes["read"] >= 20


def test_mutated_films_in_a_corpus_are_skipped_and_counted(tmp_path: Path) -> None:
    root = jsonl(tmp_path, studies=40)
    rng = random.Random(3)
    bad = 0
    for number in range(0, 40, 2):
        path = root / "images" / f"{number}.png"
        path.write_bytes(mutate(path.read_bytes(), rng))
        bad += outcome(lambda path=path: check_shape(FilmFile(path))) == "named"
    corpus = jsonl_reader.load(root, skip_bad_images=True)
    assert corpus.name == f"jsonl-skip{bad}"
    assert sum(len(study.images) for study in corpus) == 40 - bad
    assert bad >= 5
