"""Tiny random models, saved once for all tests of a session."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with the tiny model of a kind."""
    from tiny_models import save

    root, made = tmp_path_factory.mktemp("hub"), {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = save(kind, root / kind)
        return made[kind]

    return folder
