"""Studies told by the names of their films, as lists of films and tables of predictions write them.

A name counts where it can be of one study alone: with folders in front, only if these are the film's own or end with
the study's id, since `study1/view1_frontal.jpg` is the name of many films.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from rrgbench.data.study import Study

_ENDINGS: Final = re.compile(r"(\.(png|jpe?g|dcm|dicom|bmp|tiff?|webp))+$", re.IGNORECASE)
"""Endings of films; two where a converter left the first (`1_IM-0001-3001.dcm.png`)."""

FilmOwners = Mapping[str, tuple[tuple[PurePosixPath, str], ...]]
"""By the name of a film without its ending, the paths of all films of that name and their studies."""


def film_owners(studies: Iterable[Study]) -> FilmOwners:
    """The films of studies by name, whatever their endings on disk; films that are no files have none."""
    found: dict[str, list[tuple[PurePosixPath, str]]] = {}
    for study in studies:
        for film in study.images:
            path = getattr(film, "path", None)
            if isinstance(path, Path):
                found.setdefault(_bare(path.name), []).append((PurePosixPath(path.as_posix()), study.study_id))
    return {name: tuple(films) for name, films in found.items()}


def owner_of(name: str, films: FilmOwners) -> str | None:
    """The one study that has a film of this name; None where none or several have.

    Examples
    --------
    >>> films = {"0001_000": ((PurePosixPath("/data/images/0001_000.png"), "0001_000"),)}
    >>> owner_of("0001_000.jpg", films), owner_of("images/0001_000.png", films), owner_of("other/0001_000", films)
    ('0001_000', '0001_000', None)
    """
    given = PurePosixPath(name.strip().replace("\\", "/"))
    folders = given.parts[:-1]
    owners = {
        study
        for path, study in films.get(_bare(given.name), ())
        if _ends_with(path.parts[:-1], folders) or _ends_with(folders, PurePosixPath(study).parts)
    }
    return owners.pop() if len(owners) == 1 else None


def _bare(name: str) -> str:
    return _ENDINGS.sub("", name)


def _ends_with(whole: tuple[str, ...], tail: tuple[str, ...]) -> bool:
    return not tail or whole[-len(tail) :] == tail
