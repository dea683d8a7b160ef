"""Miniature corpora in the official layouts, made on the spot: a handful of studies with small noise films."""

import csv
import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from rrgbench.observations import OBSERVATIONS

# MIMIC-CXR's own lines all begin with a space, the blank ones too.
MIMIC_REPORT = "\n".join(
    (
        " " * 32 + "FINAL REPORT",
        " EXAMINATION:  CHEST (PA AND LAT)",
        " ",
        " INDICATION:  ___F with shortness of breath  // ?pneumonia",
        " ",
        " COMPARISON:  ___",
        " ",
        " FINDINGS: ",
        " ",
        " There is a small {side} pleural effusion.  Follow up at 9:30.",
        " The heart is not enlarged.",
        " ",
        " IMPRESSION: ",
        " ",
        " Small {side} pleural effusion.",
        "",
    )
)


def write_film(path: Path, seed: int = 0, width: int = 40, height: int = 32) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV, gzipped if its name ends in `.gz`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def nih_cxr14(root: Path, patients: int = 12, layout: str = "images", table: str = "Data_Entry_2017_v2020.csv") -> Path:
    """ChestX-ray14: two films a patient, every fourth patient in the test list."""
    findings = ("No Finding", "Effusion|Mass", "Cardiomegaly", "Hernia", "Nodule|Pleural_Thickening", "Infiltration")
    rows, lists = [], {"train_val_list.txt": [], "test_list.txt": []}
    for patient in range(1, patients + 1):
        for visit in range(2):
            name = f"{patient:08d}_{visit:03d}.png"
            view = "PA" if visit == 0 else "AP"
            age = 414 if patient == 5 else 50 + visit  # the original holds such ages
            sex = "FM"[patient % 2]
            rows.append((name, findings[patient % len(findings)], visit, patient, age, sex, view, 1024, 1024))
            lists["test_list.txt" if patient % 4 == 0 else "train_val_list.txt"].append(name)
            folder = layout if layout == "images" else f"images_{1 + patient % 3:03d}/images"
            write_film(root / folder / name, seed=2 * patient + visit)
    columns = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    write_csv(root / table, [*columns.split(",")[:-1], "OriginalImage[Width", "Height]"], rows)
    for name, films in lists.items():
        (root / name).write_text("\n".join(films))
    return root


def iu_rows(studies: int = 12) -> list[dict[str, str]]:
    return [
        {
            "uid": str(uid),
            "findings": "" if uid % 5 == 0 else f"The heart is normal in study {uid}. No effusion.",
            "impression": f"No acute disease {uid}.",
            "indication": "XXXX cough",
            "comparison": "None." if uid % 2 else "",
        }
        for uid in range(1, studies + 1)
    ]


def iu_openi(root: Path, studies: int = 12, films: bool = True) -> Path:
    """Open-i's CSV with image ids, and films named as in NLMCXR_png."""
    sections = ("indication", "comparison", "findings", "impression")
    rows = []
    for row in iu_rows(studies):
        uid = row["uid"]
        twice = "1_1" if uid == "1" else uid  # as in the original
        images = [f"CXR{twice}_IM-{int(uid):04d}-{view}001" for view in (3, 4)]
        if films:
            for number, image in enumerate(images):
                write_film(root / "images" / f"{image}.png", seed=10 * int(uid) + number)
        rows.append((uid, "|".join(images), *(row[name] for name in sections)))
    write_csv(root / "openi_reports.csv", ("uid", "image_ids", *sections), rows)
    return root


def iu_kaggle(root: Path, studies: int = 12, films: bool = True) -> Path:
    """Kaggle's CSV pair; the lateral film stands first in the table."""
    sections = ("indication", "comparison", "findings", "impression")
    projections = []
    for row in iu_rows(studies):
        uid = row["uid"]
        for view, projection in ((4, "Lateral"), (3, "Frontal")):
            name = f"{uid}_IM-{int(uid):04d}-{view}001.dcm.png"
            projections.append((uid, name, projection))
            if films:
                write_film(root / "images" / "images_normalized" / name, seed=10 * int(uid) + view - 3)
    columns = ("uid", "MeSH", "Problems", "image", *sections)
    rows = [(row["uid"], "normal", "normal", "Xray", *(row[name] for name in sections)) for row in iu_rows(studies)]
    write_csv(root / "indiana_reports.csv", columns, rows)
    write_csv(root / "indiana_projections.csv", ("uid", "filename", "projection"), projections)
    return root


def iu_xml(root: Path, studies: int = 12) -> Path:
    """The archive of XML reports."""
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / "NLMCXR_reports.tgz", "w:gz") as archive:
        for row in iu_rows(studies):
            texts = "".join(
                f'<AbstractText Label="{name.upper()}">{row[name]}</AbstractText>'
                for name in ("comparison", "indication", "findings", "impression")
            )
            images = f'<parentImage id="CXR{row["uid"]}_1_IM-0001-3001"/>'
            xml = f'<?xml version="1.0"?><eCitation><uId id="CXR{row["uid"]}"/>{texts}{images}</eCitation>'.encode()
            member = tarfile.TarInfo(f"ecgen-radiology/{row['uid']}.xml")
            member.size = len(xml)
            archive.addfile(member, io.BytesIO(xml))
    return root


def iu_annotation(root: Path, studies: int = 12) -> Path:
    """R2Gen's IU X-Ray: two films a study."""
    document: dict[str, list[Mapping[str, object]]] = {"train": [], "val": [], "test": []}
    for row in iu_rows(studies):
        uid = int(row["uid"])
        identity = f"CXR{uid}_IM-{uid:04d}"
        paths = [f"{identity}/0.png", f"{identity}/1.png"]
        for number, path in enumerate(paths):
            write_film(root / "images" / path, seed=10 * uid + number)
        split = ("train", "train", "val", "test")[uid % 4]
        document[split].append({"id": identity, "report": row["findings"], "image_path": paths, "split": split})
    (root / "annotation.json").write_text(json.dumps(document))
    return root


def mimic_cxr(root: Path, suffix: str = ".csv.gz", films: bool = True, reports: bool = True) -> Path:
    """The official layout: 8 patients, one or two studies each, a lateral and a frontal film a study."""
    split_rows, metadata_rows, label_rows = [], [], []
    for patient in range(8):
        subject = 10000000 + patient * 1000000
        for visit in range(1 + patient % 2):
            study = 50000000 + 10 * patient + visit
            place = root / "files" / f"p{str(subject)[:2]}" / f"p{subject}"
            split = ("train", "train", "validate", "test")[patient % 4]
            for view in ("LATERAL", "PA"):
                dicom_id = f"{study:08x}-{view.lower()}"
                split_rows.append((dicom_id, study, subject, split))
                # Later visits have smaller numbers here: MIMIC's study numbers tell no order.
                day, time = 21800507 - 3 * visit, f"{213014 + len(view)}.531"
                metadata_rows.append((dicom_id, subject, study, view, 40, 32, day, time))
                if films:
                    write_film(place / f"s{study}" / f"{dicom_id}.jpg", seed=study + len(view))
            if reports:
                place.mkdir(parents=True, exist_ok=True)
                text = MIMIC_REPORT.format(side="left" if visit else "right")
                if patient == 3:
                    text = "                                 FINAL REPORT\n CHEST PAIN.\n \n No acute process.\n"
                (place / f"s{study}.txt").write_text(text)
            if patient != 2:  # a few studies stand in no label table
                cells = [""] * len(OBSERVATIONS)
                cells[10], cells[2], cells[5] = "1.0", "0.0", "-1.0"
                label_rows.append((subject, study, *cells))
    name = "mimic-cxr-2.0.0-{}" + suffix
    write_csv(root / name.format("split"), ("dicom_id", "study_id", "subject_id", "split"), split_rows)
    columns = ("dicom_id", "subject_id", "study_id", "ViewPosition", "Rows", "Columns", "StudyDate", "StudyTime")
    write_csv(root / name.format("metadata"), columns, metadata_rows)
    write_csv(root / name.format("chexpert"), ("subject_id", "study_id", *OBSERVATIONS), label_rows)
    return root


def mimic_annotation(root: Path, films: bool = True) -> Path:
    """R2Gen's MIMIC-CXR: one entry a film, two entries for a study with two films."""
    document: dict[str, list[Mapping[str, object]]] = {"train": [], "val": [], "test": []}
    for study in range(6):
        split = ("train", "val", "test")[study % 3]
        for film in range(2):
            path = f"p10/p{10000000 + study}/s{50000000 + study}/{study}-{film}.jpg"
            if films:
                write_film(root / "images" / path, seed=2 * study + film)
            document[split].append(
                {
                    "id": f"{study}-{film}",
                    "study_id": 50000000 + study,
                    "subject_id": 10000000 + study,
                    "report": f"Clear lungs {study}.",
                    "image_path": [path],
                    "split": split,
                }
            )
    root.mkdir(parents=True, exist_ok=True)
    (root / "annotation.json").write_text(json.dumps(document))
    return root


def chexpert(root: Path, test: bool = False, films: bool = True, studies: Sequence[int] = (1,)) -> Path:
    """CheXpert: train, valid (and test), a lateral film in every other study; `studies`: the numbers of a patient's."""
    columns = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS)
    first = 1
    for part, patients in {"train": 10, "valid": 3, **({"test": 3} if test else {})}.items():
        rows = []
        for patient in range(first, first + patients):
            views = list(enumerate(("frontal", "lateral")[: 1 + patient % 2], start=1))
            for study, (number, side) in product(studies, views):
                path = f"{part}/patient{patient:05d}/study{study}/view{number}_{side}.jpg"
                cells = ["1.0" if patient % 3 == 0 else "0.0", "", "-1.0", *[""] * 10, "1.0"]
                about = ("Female" if patient % 2 else "Unknown", 50 + study)
                position = (side.title(), "AP" if number == 1 else "")
                rows.append((f"CheXpert-v1.0-small/{path}", *about, *position, *cells))
                if films:
                    write_film(root / path, seed=10 * patient + number)
        first += patients
        write_csv(root / f"{part}.csv", columns, rows)
    return root


def jsonl(root: Path, studies: int = 20) -> Path:
    """Our own layout, labels on every other study."""
    lines = []
    for number in range(studies):
        write_film(root / "images" / f"{number}.png", seed=number)
        entry: dict[str, object] = {
            "study_id": f"study-{number}",
            "subject_id": f"subject-{number // 2}",
            "images": [f"images/{number}.png"],
            "view": "AP Supine",
            "report": f"A report\u2028of study {number}.",
            "license": "CC BY",
            # The second study of a subject is the earlier one.
            "date": f"2020-0{3 - number % 2}-01",
            "age": 40 + number % 50,
            "sex": "female" if number % 4 < 2 else "M",
        }
        if number % 2:
            entry["labels"] = {
                "Edema": 1,
                "Pneumonia": -1,
                "Fracture": None if number % 4 == 1 else 0,
                "Pleural Other": None,
            }
        lines.append(json.dumps(entry, ensure_ascii=False))
    (root / "studies.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root
