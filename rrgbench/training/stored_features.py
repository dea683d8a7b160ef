"""What a frozen image encoder makes of films, computed once: kept in memory, and on disk for later processes."""

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from rrgbench.files import write_bytes
from rrgbench.progress import Progress
from rrgbench.training.data import FilmRows
from rrgbench.training.probing import features

VERSION = 2
"""To be raised whenever the same films and encoder give other features."""

_BLOCK = 512
"""Films hashed at a time."""

_KEPT: dict[str, NDArray[np.float32]] = {}
"""Features by digest; those of the last few asked for."""

_MOST = 4


def stored_features(
    encoder: nn.Module,
    films: FilmRows,
    folder: Path | None = None,
    progress: Progress | None = None,
    digest: str | None = None,
) -> NDArray[np.float32]:
    """Features (n, d) of films (n, size, size) by a frozen encoder.

    Parameters
    ----------
    encoder : nn.Module
        Films in [0, 255] to features.
    films : FilmRows
        Films by row.
    folder : Path, optional
        Where they are kept as `features-<digest>.npy`; in this process's memory alone if omitted.
    progress : callable, optional
        See `rrgbench.progress.Progress`.
    digest : str, optional
        What `features_digest` gives, where the caller has it already.
    """
    digest = digest or features_digest(encoder, films)
    if digest in _KEPT:
        return _KEPT[digest]
    path = None if folder is None else folder / f"features-{digest}.npy"
    if path is not None and path.is_file():
        found: NDArray[np.float32] = np.load(path, allow_pickle=False)
    else:
        told = None if progress is None else lambda done, total: progress("reading features", done, total)
        found = features(encoder, films, batch=32, progress=told)
        if path is not None:
            content = io.BytesIO()
            np.save(content, found, allow_pickle=False)
            write_bytes(path, content.getvalue())
    while len(_KEPT) >= _MOST:
        del _KEPT[next(iter(_KEPT))]
    _KEPT[digest] = found
    return found


def features_digest(encoder: nn.Module, films: FilmRows) -> str:
    """Digest (32 hex digits) of an encoder's weights and layers and of films' pixels."""
    # the layers as they describe themselves: strides and dilations are in no tensor
    digest = hashlib.sha256(f"{VERSION}{encoder!r}".encode())
    for name, tensor in encoder.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    for start in range(0, len(films), _BLOCK):
        digest.update(np.ascontiguousarray(films[start : start + _BLOCK]).tobytes())
    return digest.hexdigest()[:32]
