"""What a release says: the changelog's section of its version; `python tests/dist/release_notes.py 0.2.0`.

Ends with 1 where the version is not the package's, or the changelog has no section of it.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def package_version(pyproject: str) -> str:
    """The version that `pyproject.toml` gives the package."""
    version: str = tomllib.loads(pyproject)["project"]["version"]
    return version


def section(changelog: str, version: str) -> str:
    """The changelog's section of a version, without its title; empty where it has none."""
    found = re.search(rf"^## {re.escape(version)}(?:[ (-][^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    return found[1].strip() if found else ""


def main(version: str) -> None:
    """Print the section."""
    ours = package_version((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if version != ours:
        sys.exit(f"the tag says {version}, pyproject.toml says {ours}")
    notes = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if not notes:
        sys.exit(f"CHANGELOG.md has no section of {version}")
    print(notes)


if __name__ == "__main__":
    main(*sys.argv[1:2])
