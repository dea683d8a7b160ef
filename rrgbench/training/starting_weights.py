"""Which weights an encoder starts from, where a folder holds them: its path alone would not tell."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def starting_weights(model: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the weight files in the folders that a preset's encoders name.

    Parameters
    ----------
    model : mapping
        A preset's encoders by name, other keys being ignored; `weights` of each is a folder, a hub id, or absent.

    Returns
    -------
    dict
        By encoder; one whose `weights` is no folder with such files here is left out, its name being all that is known.
    """
    found = {}
    for part, settings in model.items():
        source = settings.get("weights") if isinstance(settings, Mapping) else None
        files = [] if source is None else sorted(Path(source).glob("*.safetensors"))
        digest = hashlib.sha256()
        for path in files:
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        if files:
            found[part] = digest.hexdigest()
    return found
