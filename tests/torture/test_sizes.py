"""Input that is small and costs much: archives, pictures, deep and long values, words that repeat."""

import gzip
import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torment import Place

DEEP = "[" * 100_000 + "]" * 100_000
LONG = "9" * 5000


@pytest.mark.parametrize("content", [DEEP, '{"a": ' * 60_000 + "1" + "}" * 60_000, f'{{"x": {LONG}}}', f"[{LONG}]"])
@pytest.mark.parametrize(
    "name", ["p.json", "p.jsonl", "results.json", "entry.json", "suite.yaml", "preset.yaml", "table.csv"]
)
def test_deep_and_long_values(place: Place, name: str, content: str) -> None:
    """A file holds 100,000 brackets or a number of 5,000 digits."""
    place.write(name, content)
    place.write("r.jsonl", '{"study_id": "a", "report": "no effusion"}\n')
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    commands: dict[str, list[tuple[object, ...]]] = {
        "results.json": [("drift", name, "--against", name), ("report", name)],
        "entry.json": [("leaderboard", "check", name)],
        "suite.yaml": [("eval", "--model", "fixed-template", "--suite", name, *corpus)],
        "preset.yaml": [("train", "--model", "s&t", "--preset", name, *corpus)],
        "table.csv": [("reproduce", "averaging", name)],
    }
    reports = [("score", "--predictions", name, "--references", "r.jsonl"), ("data", "five-by-200", "--list", name)]
    for words in commands.get(name, reports[:1]):
        place.run(*words).owes(2)


MEBIBYTES = 3000


def bomb(name: str, place: Place) -> Path:
    """An archive whose file holds zeros: each piece is packed once and written as often as it takes."""
    zeros = b"0" * (1 << 20)
    if name.endswith(".gz"):
        packed = gzip.compress(zeros)
        (place / name).write_bytes(packed * MEBIBYTES)
    elif name.endswith(".tgz"):
        info = tarfile.TarInfo("ecgen-radiology/1.xml")
        info.size = MEBIBYTES << 20
        end = bytes(2 * tarfile.BLOCKSIZE)
        parts = [gzip.compress(info.tobuf()), gzip.compress(bytes(1 << 20)) * MEBIBYTES, gzip.compress(end)]
        (place / name).write_bytes(b"".join(parts))
    else:
        with (
            zipfile.ZipFile(place / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packer,
            packer.open("r.jsonl", "w", force_zip64=True) as file,
        ):
            for _ in range(MEBIBYTES):
                file.write(zeros)
    return place / name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["p.jsonl.gz", "p.csv.gz", "p.zip", "NLMCXR_reports.tgz", "mimic.csv.gz"])
def test_an_archive_unpacks_to_gigabytes(place: Place, name: str) -> None:
    """An archive of 3 MB unpacks to 3 GB: refused, and never held."""
    bomb(name, place)
    place.write("r.jsonl", '{"study_id": "a", "report": "no effusion"}\n')
    words: tuple[object, ...] = ("score", "--predictions", name, "--references", "r.jsonl")
    if name.endswith(".tgz"):
        words = ("data", "stats", "--corpus", "iu-xray", "--root", ".")
    if name.startswith("mimic"):
        (place / name).rename(place / "mimic-cxr-2.0.0-split.csv.gz")
        words = ("data", "stats", "--corpus", "mimic-cxr", "--root", ".")
    place.run(*words, alone=True).owes(2)


def png(width: int, height: int, depth: int) -> bytes:
    """A grey PNG of zeros."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    packer = zlib.compressobj(9)
    row = bytes(1 + width * depth // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height", "depth"), [(8900, 8900, 16), (8900, 8900, 8), (30_000, 30_000, 8)])
def test_a_picture_of_many_pixels(place: Place, width: int, height: int, depth: int) -> None:
    """A film of 80 or 900 million pixels: read within bounds, or named."""
    corpus = place.copy("corpus")
    (corpus / "images/0.png").write_bytes(png(width, height, depth))
    ended = place.run("data", "validate", "--corpus", "jsonl", "--root", "corpus", alone=True)
    assert ended.code in (0, 2), ended.err
    assert ended.peak < 1 << 30, f"{ended.peak / 1e9:.2f} GB"


WORDS = {
    "one word": "a " * 10_000,
    "one word without spaces": "a" * 50_000,
    "one sentence": "there is a small left pleural effusion . " * 1400,
    "distinct words": " ".join(f"word{number}" for number in range(10_000)),
    "no words": "- " * 10_000,
    "full stops": "." * 30_000,
    "no stops": "effusion and edema without pneumonia or " * 1500,
    "digits": "1. " * 10_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("metrics", ["bleu_4", "meteor", "rouge_l", "cider", "ce_f1", "findings_f1"])
def test_a_report_of_ten_thousand_words(place: Place, kind: str, metrics: str) -> None:
    """A report of 10,000 words, repeated or distinct, takes every metric seconds."""
    rows = [json.dumps({"study_id": str(number), "report": WORDS[kind]}) for number in range(2)]
    place.write("r.jsonl", "\n".join(rows))
    words = ("score", "--predictions", "r.jsonl", "--references", "r.jsonl", "--no-intervals")
    # what was found took minutes and grew without end; where it hangs, it is ended
    place.run(*words, "--metrics", metrics, timeout=300).owes(0)


def test_a_film_that_claims_to_be_huge(place: Place) -> None:
    """A film's header claims 4 billion pixels a side."""
    corpus = place.copy("corpus")
    whole = (corpus / "images/1.png").read_bytes()
    (corpus / "images/1.png").write_bytes(whole[:16] + struct.pack(">II", 1 << 31 - 1, 1 << 31 - 1) + whole[24:])
    (corpus / "images/6.png").write_bytes(whole[:16] + struct.pack(">II", 70_000, 70_000) + whole[24:])
    suite = place.write("suite.yaml", "{replicates: 10, trivial: [], tasks: {report_generation: {}}}")
    words = ("eval", "--model", "dcrrg", "--suite", suite, "--corpus", "jsonl", "--root", "corpus")
    place.run(*words).owes(2, "1.png")


def test_numpy_files_hold_no_objects(place: Place) -> None:
    """Embeddings or probabilities are a pickle in NumPy's format: refused, and nothing in it is executed."""

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (place / "executed",))

    np.save(place / "p.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    place.run("eval", "--predictions", "p.npy", *corpus).owes(2)
    assert not (place / "executed").exists()
    Image.new("L", (4, 4)).save(place / "x.png")
