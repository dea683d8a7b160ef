"""Which of a corpus's films are there and, if bad ones are to be skipped, which can be decoded."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count

from rrgbench.data.films.images import FilmFile, file_size
from rrgbench.errors import InputError, listed


@dataclass(frozen=True)
class CheckedFilms:
    """Outcome of `check_films`.

    Attributes
    ----------
    good : tuple of FilmFile
        Films that may be used, in their given order.
    bad : tuple of FilmFile
        Films left out; empty unless skipping was asked for.
    sizes : tuple of (str, int)
        File name and size in bytes of each good film, for the content digest.
    """

    good: tuple[FilmFile, ...]
    bad: tuple[FilmFile, ...]
    sizes: tuple[tuple[str, int], ...]

    @property
    def suffix(self) -> str:
        """What a corpus appends to its name, so that signatures count the films left out; empty if there are none."""
        return f"-skip{len(self.bad)}" if self.bad else ""


def check_films(
    corpus: str, films: Sequence[FilmFile], skip_bad_images: bool = False, check_images: bool = True
) -> CheckedFilms:
    """Look for every film a corpus lists.

    Without skipping only presence is checked: one stat per film. With skipping every film is decoded once (JPEGs at an
    eighth of their size, threads in parallel), because nothing less finds a truncated file.

    Parameters
    ----------
    corpus : str
        Name of the corpus, for the message.
    films : sequence of FilmFile
        What its tables list.
    skip_bad_images : bool
        Leave out and count films that are absent or can't be decoded, rather than refusing the corpus.
    check_images : bool
        False keeps absent films without a word, so that whoever decodes them meets the error: `rrgbench data validate`
        does, to name them all. Their size in the digest is 0. Has no effect if bad films are skipped.

    Returns
    -------
    CheckedFilms

    Raises
    ------
    InputError
        If a film is absent or empty and skipping was not asked for, naming the first few.
    MissingPartError
        If a film needs an optional decoder that is not installed; such a film is not bad.
    """
    with ThreadPoolExecutor(max_workers=cpu_count() or 1) as pool:
        readable = list(pool.map(_decodes, films)) if skip_bad_images else [True] * len(films)
        lengths = list(pool.map(lambda film: file_size(film.path) or 0, films))
    good, bad, sizes = [], [], []
    for film, usable, length in zip(films, readable, lengths, strict=True):
        if usable and (length > 0 or not (check_images or skip_bad_images)):
            good.append(film)
            sizes.append((film.path.name, length))
        else:
            bad.append(film)
    if bad and not skip_bad_images:
        raise InputError(
            f"corpus {corpus}: {len(bad)} of {len(films)} listed films are absent or empty: "
            f"{listed(film.path.name[:100] for film in bad)}; restore them or load with skip_bad_images"
        )
    return CheckedFilms(tuple(good), tuple(bad), tuple(sizes))


def _decodes(film: FilmFile) -> bool:
    try:
        film.check()
    except InputError:
        return False
    return True
