"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real corpora; tests that need it skip where it is absent."""
    root = Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (root / "iu_xray").is_dir():
        pytest.skip(f"the real corpora are not here ({root}); set RRGBENCH_SHARED to their folder")
    return root
