"""Open-i's report collection in its three text layouts: XML archive, CSV made from it, Kaggle's CSV pair."""

import re
import tarfile
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rrgbench.data.readers.tables import Table, is_id, read_bytes, read_table, shown
from rrgbench.errors import InputError, listed

SECTIONS: Final = ("findings", "impression", "indication", "comparison")

XML_FOLDER: Final = "ecgen-radiology"
"""What the archive of XML files unpacks to."""

_MAX_XML_BYTES: Final = 1_000_000
_MEMBER: Final = re.compile(r"(?:.*/)?(\d{1,9})\.xml")


@dataclass(frozen=True)
class OpeniReport:
    """One report.

    Attributes
    ----------
    uid : int
        Open-i's number; `CXR<uid>` is its id.
    sections : mapping of str to str
        Text of `SECTIONS`; empty where the report has none.
    images : tuple of (str, str)
        Image id as Open-i writes it (`CXR1_1_IM-0001-3001`) and projection (`Frontal`, `Lateral`, or `` where the
        source does not say).
    """

    uid: int
    sections: Mapping[str, str]
    images: tuple[tuple[str, str], ...]


def read_openi_csv(path: Path, projections: Path | None = None) -> tuple[OpeniReport, ...]:
    """Read `openi_reports.csv`: uid, image_ids (joined by `|`) and the four sections.

    Parameters
    ----------
    path : Path
        The table.
    projections : Path, optional
        Kaggle's `indiana_projections.csv`, for the view of each film.

    Raises
    ------
    InputError
        If a table is malformed or a uid occurs twice.
    """
    table = read_table(path, ("uid", "image_ids", *SECTIONS))
    shown = {kaggle_name(name): view for films in _projections(projections).values() for name, view in films}
    reports = [
        OpeniReport(
            _uid(row["uid"], table),
            {name: row[name] for name in SECTIONS},
            tuple((image, shown.get(kaggle_name(image), "")) for image in _image_ids(row["image_ids"], table)),
        )
        for row in table.rows
    ]
    return _unique(reports, table.name)


def read_kaggle(path: Path, projections: Path | None) -> tuple[OpeniReport, ...]:
    """Read Kaggle's `indiana_reports.csv` and, where it is there, `indiana_projections.csv`.

    Raises
    ------
    InputError
        If a table is malformed, a uid occurs twice, or a projection belongs to no report.
    """
    table = read_table(path, ("uid", *SECTIONS))
    films = _projections(projections)
    reports = [
        OpeniReport(uid, {name: row[name] for name in SECTIONS}, films.pop(uid, ()))
        for row in table.rows
        for uid in [_uid(row["uid"], table)]
    ]
    unique = _unique(reports, table.name)
    if films:
        raise InputError(
            f"{len(films)} uids of indiana_projections.csv have no report in {table.name}: {listed(films)}"
        )
    return unique


def unpacked_xml(folder: Path) -> Path | None:
    """The folder of XML files in a root, or the root itself where it is that folder; None if there is none."""
    places = (folder / XML_FOLDER, folder)
    return next((place for place in places if any(_MEMBER.fullmatch(file.name) for file in place.glob("*.xml"))), None)


def read_openi_xml(source: Path) -> tuple[OpeniReport, ...]:
    """Read `NLMCXR_reports.tgz`, or the folder that it unpacks to: one XML file a report, ordered by uid.

    Raises
    ------
    InputError
        If the archive or one of its files is damaged, or there is no report in it.
    """
    if source.is_dir():
        files = [path for path in sorted(source.glob("*.xml")) if _MEMBER.fullmatch(path.name)]
        unpacked = [_parse_xml(read_bytes(path), f"{source.name}/{path.name}") for path in files]
        return _unique(sorted(unpacked, key=lambda report: report.uid), source.name)
    return _read_archive(source)


def _read_archive(archive: Path) -> tuple[OpeniReport, ...]:
    reports = []
    try:
        with tarfile.open(archive, "r:gz") as members:
            for member in members:
                match = _MEMBER.fullmatch(member.name)
                if match is None or not member.isfile():
                    continue
                if member.size > _MAX_XML_BYTES:
                    raise InputError(
                        f"{archive.name}: {match.group(1)}.xml has {member.size:,} bytes; no report is so long"
                    )
                stream = members.extractfile(member)
                content = stream.read() if stream is not None else b""
                reports.append(_parse_xml(content, f"{archive.name}: {match.group(1)}.xml"))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{archive.name} can't be unpacked ({type(error).__name__}); get it again") from error
    if not reports:
        raise InputError(f"{archive.name} holds no report (expected files like ecgen-radiology/1.xml)")
    return _unique(sorted(reports, key=lambda report: report.uid), archive.name)


def kaggle_name(image: str) -> str:
    """File name Kaggle gives to an Open-i image id: `CXR2_IM-0652-1001` is `2_IM-0652-1001.dcm.png`.

    Of the ids that repeat the uid (`CXR1_1_IM-0001-3001`) it drops the repetition (`1_IM-0001-3001.dcm.png`).
    """
    return re.sub(r"^CXR(\d+)_(?:\1_)?(?=IM)", r"\1_", image) + ".dcm.png"


def _parse_xml(content: bytes, where: str) -> OpeniReport:
    # Expat (2.4.1 and later) refuses entity bombs itself; a document type is refused here, because no report has one.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError(f"{where} declares a document type; reports of Open-i have none")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{where} is not XML; get the archive again") from error
    identity = root.find("uId")
    match = re.fullmatch(r"CXR(\d{1,9})", identity.get("id", "") if identity is not None else "")
    if match is None:
        raise InputError(f"{where} has no uId like CXR1")
    texts = dict.fromkeys(SECTIONS, "")
    for section in root.iter("AbstractText"):
        label = section.get("Label", "").lower()
        if label in texts:
            texts[label] = "".join(section.itertext()).strip()
    images = tuple((image.get("id", ""), "") for image in root.iter("parentImage"))
    return OpeniReport(int(match.group(1)), texts, images)


def _projections(path: Path | None) -> dict[int, tuple[tuple[str, str], ...]]:
    """Image id and projection of each film by uid."""
    if path is None:
        return {}
    table = read_table(path, ("uid", "filename", "projection"))
    films: dict[int, tuple[tuple[str, str], ...]] = {}
    for row in table.rows:
        uid = _uid(row["uid"], table)
        if not is_id(row["filename"]) or "/" in row["filename"]:
            given = shown(row["filename"])
            raise InputError(f"{table.name} has a filename that is not like 1_IM-0001-3001.dcm.png: {given}")
        image = "CXR" + row["filename"].removesuffix(".png").removesuffix(".dcm")
        films[uid] = (*films.get(uid, ()), (image, row["projection"]))
    return films


def _image_ids(cell: str, table: Table) -> list[str]:
    images = [image for image in cell.split("|") if image]
    if not all(is_id(image) and "/" not in image for image in images):
        raise InputError(
            f"{table.name} has image_ids that are not like CXR1_1_IM-0001-3001|CXR1_1_IM-0001-4001: {shown(cell)}"
        )
    return images


def _uid(cell: str, table: Table) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", cell):
        raise InputError(f"{table.name} has a uid that is not a number: {shown(cell)}")
    return int(cell)


def _unique(reports: list[OpeniReport], name: str) -> tuple[OpeniReport, ...]:
    seen: set[int] = set()
    twice = [report.uid for report in reports if report.uid in seen or seen.add(report.uid)]  # type: ignore[func-returns-value]
    if twice:
        raise InputError(f"{name}: {len(twice)} uids occur twice: {listed(twice)}")
    return tuple(reports)
