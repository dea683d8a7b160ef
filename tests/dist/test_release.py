"""What a release is made of: its notes, and files that the Makefile and the workflows call."""

import re
from pathlib import Path

import pytest
from release_notes import ROOT, package_version, section

CALLED = re.compile(r"(?:tests|docs|examples|leaderboards)/[\w./-]+\.(?:py|sh|json|yaml)")


def test_the_notes_are_the_versions_section() -> None:
    changelog = "# Changelog\n\n## 1.1.0\n\n- new\n- more\n\n## 1.0.0 (2026-01-01)\n\n- first\n"
    assert section(changelog, "1.1.0") == "- new\n- more"
    assert section(changelog, "1.0.0") == "- first"
    assert section(changelog, "1.1") == section(changelog, "1x1x0") == ""


def test_this_version_has_notes() -> None:
    version = package_version((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)


@pytest.mark.parametrize(
    "file", [ROOT / "Makefile", *sorted((ROOT / ".github/workflows").glob("*.yml"))], ids=lambda path: path.name
)
def test_what_is_called_is_there(file: Path) -> None:
    called = set(CALLED.findall(file.read_text(encoding="utf-8")))
    assert not [name for name in called if not (ROOT / name).is_file()]
