"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# a busy machine is no defect: no test has a time limit of its own
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real corpora; tests that need it skip where it is absent."""
    root = Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (root / "iu_xray").is_dir():
        pytest.skip(f"the real corpora are not here ({root}); set RRGBENCH_SHARED to their folder")
    return root


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of equal weights skip where kernels add in no fixed order."""
    if torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("equal_weights"):
                item.add_marker(pytest.mark.skip(reason="a GPU's kernels add in no fixed order"))
