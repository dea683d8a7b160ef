"""METEOR's own data: found in the installed pycocoevalcap, cached once in a compact form.

The jar brings function words, abbreviations and WordNet's synonym sets; beside it lies a table of 5.3 million
paraphrases (272 MB of text). We ship neither. The first use reads them (some seconds) into a folder of NumPy arrays
whose name holds the jar's digest; later uses map that folder, which takes milliseconds.
"""

import contextlib
import functools
import gzip
import hashlib
import importlib.util
import json
import logging
import mmap
import os
import shutil
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, MissingPartError
from rrgbench.files import write_text
from rrgbench.metrics.meteor.keys import NEWLINE, SPACE, UInt64, keys_of_spans, phrase_keys, word_keys
from rrgbench.metrics.meteor.normalizer import ANY_FOLLOWER, BEFORE_NUMBER

_log = logging.getLogger(__name__)

_FORMAT: Final = 2
"""Raised whenever the arrays in the cache folder change their meaning."""

_LEFT_SECONDS: Final = 3600
"""After so long a half-made folder is one that a killed process left."""

_DIGESTS: Final = "digests.json"
"""Of the cache folder's other files: their SHA-256 by name."""

_FILTER_BITS: Final = 26
_CHUNK_BYTES: Final = 1 << 23
_ARRAYS: Final = (
    "paraphrase_keys",
    "paraphrase_offsets",
    "paraphrase_targets",
    "phrase_filter",
    "synset_keys",
    "synset_offsets",
    "synsets",
    "exception_keys",
    "exception_offsets",
    "exception_bases",
)


@dataclass(frozen=True)
class Resources:
    """Everything METEOR looks words and phrases up in.

    Attributes
    ----------
    function_words : frozenset of str
        Words that count less (delta).
    prefixes : dict of str to str
        Abbreviations that keep their dot, for `rrgbench.metrics.meteor.normalizer.Normalizer`.
    longest_phrase : int
        Words in the longest phrase of the paraphrase table.
    paraphrase_keys, paraphrase_offsets, paraphrase_targets : arrays
        Sorted keys of phrases (p,); the paraphrases of phrase i, in the table's order, are the keys
        `paraphrase_targets[paraphrase_offsets[i]:paraphrase_offsets[i + 1]]`.
    phrase_filter : uint8 array
        A bit set by the low bits of every phrase's key; a clear bit says that a phrase is not in the table.
    synset_keys, synset_offsets, synsets : arrays
        The same shape for WordNet: sorted word keys, and the numbers of each word's synonym sets.
    exception_keys, exception_offsets, exception_bases : arrays
        Irregular forms and the keys of their base forms.
    """

    function_words: frozenset[str]
    prefixes: dict[str, str]
    longest_phrase: int
    paraphrase_keys: UInt64
    paraphrase_offsets: NDArray[np.int64]
    paraphrase_targets: UInt64
    phrase_filter: NDArray[np.uint8]
    synset_keys: UInt64
    synset_offsets: NDArray[np.int64]
    synsets: NDArray[np.int32]
    exception_keys: UInt64
    exception_offsets: NDArray[np.int64]
    exception_bases: UInt64

    def maybe_phrases(self, keys: UInt64) -> NDArray[np.bool_]:
        """Which keys may be phrases of the table: no phrase is missed, some 4 % of others pass."""
        place = keys & np.uint64((1 << _FILTER_BITS) - 1)
        bits = self.phrase_filter[place >> np.uint64(3)] >> (place & np.uint64(7)).astype(np.uint8)
        passed: NDArray[np.bool_] = (bits & 1).astype(np.bool_)
        return passed


def cache_folder() -> Path:
    """Where rrgbench keeps what it can rebuild: `RRGBENCH_CACHE`, else the platform's cache folder."""
    if chosen := os.environ.get("RRGBENCH_CACHE"):
        return Path(chosen)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "rrgbench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rrgbench"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rrgbench"


def installed_files() -> tuple[Path, Path]:
    """The jar and the paraphrase table of the installed pycocoevalcap.

    Raises
    ------
    MissingPartError
        If the package or one of the two files is not there.
    """
    spec = importlib.util.find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPartError(
            "METEOR reads its word lists from pycocoevalcap, which is not installed: pip install pycocoevalcap"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / "meteor"
    jar, table = folder / "meteor-1.5.jar", folder / "data" / "paraphrase-en.gz"
    for path in (jar, table):
        if not path.is_file():
            raise MissingPartError(
                f"pycocoevalcap's {path.name} is missing, METEOR needs it: pip install --force-reinstall pycocoevalcap"
            )
    return jar, table


@functools.lru_cache(maxsize=1)
def load_resources() -> Resources:
    """METEOR's data, from the cache where it is there, else built from the installed pycocoevalcap first.

    Raises
    ------
    MissingPartError
        If pycocoevalcap or its data is not installed.
    """
    jar, table = installed_files()
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()[:16]
    folder = cache_folder() / f"meteor-{_FORMAT}-{digest}-{table.stat().st_size}"
    if folder.is_dir():
        try:
            return read(folder)
        except InputError as error:
            _log.warning("%s; it is made again", error)
            shutil.rmtree(folder, ignore_errors=True)
    try:
        build(jar, table, folder)
        return read(folder)
    except (OSError, InputError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        _log.warning("METEOR's cache can't be kept (%s); its lists are read anew by every command", reason)
    lists, arrays = _contents(jar, table)
    return _resources(lists, {name: arrays[name] for name in _ARRAYS})


def read(folder: Path) -> Resources:
    """Open a cache folder that `build` wrote; every file of it is checked by its digest.

    Raises
    ------
    InputError
        If a file of it is missing or damaged.
    """
    try:
        digests = json.loads((folder / _DIGESTS).read_text(encoding="utf-8"))
        files = {name: _mapped(folder / name) for name in digests}
        if wrong := sorted(name for name, file in files.items() if hashlib.sha256(file).hexdigest() != digests[name]):
            raise ValueError(f"{', '.join(wrong)} is not what was written")
        if hasattr(mmap, "MADV_DONTNEED"):
            # of all that was read for the digests METEOR looks at little again
            for file in files.values():
                file.madvise(mmap.MADV_DONTNEED)
        lists = json.loads(files["lists.json"][:])
        arrays = {name: _array(files[f"{name}.npy"]) for name in _ARRAYS}
    except (OSError, EOFError, ValueError, AttributeError, KeyError) as error:
        raise InputError(f"METEOR's cache {folder} can't be read ({error}): delete that folder") from error
    return _resources(lists, arrays)


def _mapped(path: Path) -> mmap.mmap:
    """A file's bytes, read once for its digest and for what it holds."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _array(file: mmap.mmap) -> NDArray[Any]:
    """The array of a file that `numpy.save` wrote; its numbers stay where they are."""
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(file, dtype, offset=file.tell()).reshape(shape)


def _resources(lists: dict[str, Any], arrays: dict[str, Any]) -> Resources:
    return Resources(
        function_words=frozenset(lists["function_words"]),
        prefixes=lists["prefixes"],
        longest_phrase=lists["longest_phrase"],
        **arrays,
    )


def _contents(jar: Path, table: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
    """Word lists and arrays of the installed files; MissingPartError where these are damaged."""
    _log.info("METEOR: reading the word lists and paraphrases of pycocoevalcap, once; this takes some seconds")
    try:
        with zipfile.ZipFile(jar) as archive:
            words = archive.read("function/english.words").decode("utf-8").split()
            prefixes = _prefixes(archive.read("nonbreaking/english.prefixes").decode("utf-8"))
            arrays = _synsets(archive.read("synonym/english.synsets").decode("utf-8"))
            arrays |= _exceptions(archive.read("synonym/english.exceptions").decode("utf-8"))
        paraphrases, longest = _paraphrases(table)
    except (zipfile.BadZipFile, EOFError, KeyError, zlib.error, gzip.BadGzipFile) as error:
        raise MissingPartError(
            f"pycocoevalcap's METEOR files are damaged ({error}): pip install --force-reinstall pycocoevalcap"
        ) from error
    return {"function_words": words, "prefixes": prefixes, "longest_phrase": longest}, arrays | paraphrases


def build(jar: Path, table: Path, folder: Path) -> None:
    """Read the jar's lists and the paraphrase table into a cache folder, which appears whole or not at all.

    Raises
    ------
    OSError
        If the folder can't be written.
    MissingPartError
        If the files are damaged.
    """
    started = time.perf_counter()
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob("meteor-*.??*"):
        # a killed process left it; whoever is at it needs seconds
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        lists, arrays = _contents(jar, table)
        for name, array in arrays.items():
            np.save(partial / f"{name}.npy", array)
        write_text(partial / "lists.json", json.dumps(lists))
        names = [*(f"{name}.npy" for name in _ARRAYS), "lists.json"]
        write_text(partial / _DIGESTS, json.dumps({name: _digest(partial / name) for name in names}))
        try:
            partial.rename(folder)
        except OSError:
            # Another process was quicker; its folder holds the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _log.info("METEOR: word lists and paraphrases cached in %.1f s", time.perf_counter() - started)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _prefixes(text: str) -> dict[str, str]:
    out = {}
    for line in text.splitlines():
        fields = line.split()
        if fields and not fields[0].startswith("#"):
            numeric = len(fields) > 1 and fields[1] == "#NUMERIC_ONLY#"
            out[fields[0]] = BEFORE_NUMBER if numeric else ANY_FOLLOWER
    return out


def _offsets(lengths: list[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _synsets(text: str) -> dict[str, NDArray[np.generic]]:
    lines = text.splitlines()
    # A word that appears twice has its last line, as in the jar.
    by_word = dict(zip(lines[0::2], lines[1::2], strict=True))
    words = list(by_word)
    keys = word_keys(words)
    order = np.argsort(keys)
    numbers = [[int(number) for number in by_word[words[index]].split()] for index in order]
    return {
        "synset_keys": keys[order],
        "synset_offsets": _offsets([len(entry) for entry in numbers]),
        "synsets": np.array([number for entry in numbers for number in entry], dtype=np.int32),
    }


def _exceptions(text: str) -> dict[str, NDArray[np.generic]]:
    lines = text.splitlines()
    bases: dict[str, list[str]] = {}
    for base, forms in zip(lines[0::2], lines[1::2], strict=True):
        for form in forms.split():
            bases.setdefault(form, []).append(base)
    words = list(bases)
    keys = word_keys(words)
    order = np.argsort(keys)
    entries = [bases[words[index]] for index in order]
    return {
        "exception_keys": keys[order],
        "exception_offsets": _offsets([len(entry) for entry in entries]),
        "exception_bases": word_keys([base for entry in entries for base in entry]),
    }


def _blocks(stream: gzip.GzipFile) -> Iterator[bytes]:
    """Pieces of a byte stream that end with a line feed."""
    rest = b""
    while block := stream.read(_CHUNK_BYTES):
        block = rest + block
        cut = block.rfind(b"\n") + 1
        rest = block[cut:]
        if cut:
            yield block[:cut]
    if rest:
        yield rest + b"\n"


def _paraphrases(table: Path) -> tuple[dict[str, NDArray[np.generic]], int]:
    """Keys of all phrases and their paraphrases, and the length of the longest phrase.

    The table has three lines an entry: a probability that METEOR ignores, a phrase, its paraphrase.
    """
    phrases: list[UInt64] = []
    line_number, longest, read_bytes, told = 0, 1, 0, time.perf_counter()
    with gzip.open(table) as stream:
        for block in _blocks(stream):
            text = np.frombuffer(block, dtype=np.uint8)
            ends = np.flatnonzero((text == SPACE) | (text == NEWLINE))
            last_of_line = text[ends] == NEWLINE
            line = np.cumsum(last_of_line) - last_of_line
            kept = (line + line_number) % 3 != 0
            words = keys_of_spans(text, ends)[kept]
            lengths = np.bincount(line[kept])
            lengths = lengths[lengths > 0]
            phrases.append(phrase_keys(words, np.cumsum(lengths) - lengths, lengths))
            longest = max(longest, int(lengths.max(initial=0)))
            line_number += int(last_of_line.sum())
            read_bytes += len(block)
            if time.perf_counter() - told > 2:
                told = time.perf_counter()
                _log.info("METEOR: %d million bytes of paraphrases read", read_bytes // 1_000_000)
    keys = np.concatenate(phrases)
    sources, targets = keys[0::2], keys[1::2]
    order = np.argsort(sources, kind="stable")
    distinct, counts = np.unique(sources, return_counts=True)
    bits = np.zeros(1 << _FILTER_BITS, dtype=np.uint8)
    bits[keys & np.uint64((1 << _FILTER_BITS) - 1)] = 1
    arrays: dict[str, NDArray[np.generic]] = {
        "paraphrase_keys": distinct,
        "paraphrase_offsets": _offsets(counts),
        "paraphrase_targets": targets[order],
        "phrase_filter": np.packbits(bits, bitorder="little"),
    }
    return arrays, longest
