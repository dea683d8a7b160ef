"""The lowest versions that pyproject.toml states are those that the job `oldest-versions` installs."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def stated():
    """Lowest version of each dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    return {
        each.name.lower(): [part.version for part in each.specifier if part.operator == ">="] for each in requirements
    }


def constrained():
    lines = (ROOT / "tests" / "oldest.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_every_dependency_states_its_lowest_version_and_it_is_tried():
    pinned = constrained()
    assert pinned.keys() == stated().keys()
    for name, lowest in stated().items():
        (version,) = lowest
        assert Requirement(f"{name}=={version}").specifier.contains(pinned[name]), (name, version, pinned[name])


def test_the_job_installs_and_tests_them():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "-c tests/oldest.txt" in workflow
    named = [word for word in workflow.split() if word.startswith("tests/") and not word.endswith(".txt")]
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []
