"""From the bytes of a report file to its text: compression, encodings, and formats that are no text."""

import codecs
import zlib
from pathlib import Path
from typing import Final

from rrgbench.errors import InputError
from rrgbench.files import unpack_gzip

_WRITE_TEXT: Final = "write it as JSON Lines, with pandas: frame.to_json('NAME.jsonl', orient='records', lines=True)"
_NO_TEXT: Final = (
    (b"PAR1", f"a Parquet file; {_WRITE_TEXT}"),
    (b"ARROW1", f"an Arrow file; {_WRITE_TEXT}"),
    (b"FEA1", f"a Feather file; {_WRITE_TEXT}"),
    (b"\x93NUMPY", f"a NumPy file; {_WRITE_TEXT}"),
    (b"\x89HDF", f"an HDF5 file; {_WRITE_TEXT}"),
    (b"SQLite format 3", f"an SQLite file; {_WRITE_TEXT}"),
    (b"PK\x03\x04", "an Excel workbook or a zip archive; save the sheet as CSV (UTF-8), or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV (UTF-8)"),
    (b"%PDF", "a PDF; give the reports as text"),
    (b"\x80\x04\x95", f"a pickle, which is not opened; {_WRITE_TEXT}"),
    (b"\x80\x05\x95", f"a pickle, which is not opened; {_WRITE_TEXT}"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it, or use gzip"),
    (b"BZh", "compressed with bzip2; unpack it, or use gzip"),
    (b"\xfd7zXZ", "compressed with xz; unpack it, or use gzip"),
)
_ENCODINGS: Final = (  # the longer mark first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),  # Excel's "Unicode text"
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GZIP: Final = b"\x1f\x8b"


def read_text(path: Path) -> tuple[str, str]:
    """Text of a file, and its name without the ending of compression.

    UTF-8 with or without mark, UTF-16 and UTF-32; gzip or not, whatever the ending.

    Raises
    ------
    InputError
        If it is no file, no text, or text in another encoding, with what to do.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the path of a .jsonl, .json, .csv, .tsv or .txt file")
    if not path.is_file():
        raise InputError(f"{path} is not a file; give the path of a .jsonl, .json, .csv, .tsv or .txt file")
    content, name = path.read_bytes(), path.name
    if content.startswith(_GZIP):
        try:
            content = unpack_gzip(content, name)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{name}: gzip that can't be unpacked; it may be cut off") from error
    name = name[:-3] if name.lower().endswith(".gz") else name
    for mark, what in _NO_TEXT:
        if content.startswith(mark):
            raise InputError(f"{name}: {what}")
    try:
        return content.decode(_encoding(content)), name
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{name} line {line}: not {error.encoding.upper()} (byte {error.start}); save the file as UTF-8, "
            "with iconv: iconv -f windows-1252 -t utf-8"
        ) from None


def _encoding(content: bytes) -> str:
    for mark, encoding in _ENCODINGS:
        if content.startswith(mark):
            return encoding
    start = content[:400]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(zeros) > 4 and zeros.count(0) > 0.8 * len(zeros):  # without a mark; no text has so many NULs
            return encoding
    return "utf-8-sig"
