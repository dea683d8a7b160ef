"""What the documents name exists: files, modules, links, commands and their options."""

import importlib
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rrgbench.cli.main import app
from rrgbench.metrics.catalogue import NATIVE, entry
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.signature import parse

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", *ROOT.glob("CONTRIBUTING.md")])
SOURCES = [path.read_text(encoding="utf-8") for top in ("rrgbench", "dcrrg") for path in (ROOT / top).rglob("*.py")]
GROUPS = {name for text in SOURCES for name in re.findall(r'Registry\([^()]*"(rrgbench\.\w+)"', text)}
COMMANDS = typer.main.get_command(app)
TOP = r"(?:rrgbench|dcrrg|baselines|tests|docs|leaderboards|examples)"


def names_a_file(path: str) -> bool:
    """Whether a path, a folder or a pattern of the repository fits; placeholders in capitals fit anything."""
    pattern = re.sub(r"(?<![\w])[A-Z]{3,}(?=\.)", "*", path.rstrip("/."))
    return any(ROOT.glob(pattern)) or any(ROOT.glob(f"rrgbench/{pattern}")) or any(ROOT.glob(f"**/{pattern}"))


def wrong_files(text: str) -> list[str]:
    rooted = re.findall(rf"(?<![\w./@-]){TOP}/[\w./*-]+", text)
    named = [one for span in re.findall(r"`([^`\n]+)`", without_blocks(text)) for one in python_files(span)]
    return [path for path in dict.fromkeys((*rooted, *named)) if not names_a_file(path)]


def python_files(span: str) -> list[str]:
    return re.findall(r"(?<![\w./-])[\w./*-]+\.(?:py|j2)\b", span)


def without_blocks(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def wrong_modules(text: str) -> list[str]:
    names = re.findall(r"(?<![\w./-])(?:rrgbench|dcrrg|baselines)(?:\.[A-Za-z_]\w*)+", text)
    known = (*GROUPS, "dcrrg.md")
    return [name for name in names if name not in known and not resolves(name)]


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            fields = (*getattr(found, "model_fields", ()), *getattr(found, "__annotations__", ()))
            if part not in fields and not hasattr(found, part):
                return False
            found = getattr(found, part, None)
        return True
    return False


def wrong_links(page: Path, text: str) -> list[str]:
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in headings(file.read_text(encoding="utf-8"))):
            found.append(target)
    return found


def headings(text: str) -> set[str]:
    """Anchors of headings, as GitHub makes them."""
    lines = re.findall(r"^#+ +(.+)$", without_blocks(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


def options_of(command: Any) -> set[str]:
    return {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}


def below(command: Any) -> dict[str, Any]:
    return getattr(command, "commands", {})


def every_option(command: Any) -> set[str]:
    return options_of(command).union(*map(every_option, below(command).values()))


def wrong_commands(text: str) -> list[str]:
    """Commands that don't exist, and options that a command doesn't have."""
    found = []
    joined = re.sub(r"\\\n\s*", " ", text)
    spans = [*re.findall(r"`([^`\n]+)`", without_blocks(joined))]
    for block in re.findall(r"```\w*\n(.*?)```", joined, flags=re.DOTALL):
        spans += [line.partition(" #")[0] for line in block.splitlines()]
    for span in spans:
        for line in re.findall(r"(?<![\w./@'\"-])rrgbench ((?:[a-z]|--)[^|;]*)", span):
            words, command = line.split(), COMMANDS
            while words and words[0] in below(command):
                command = below(command)[words.pop(0)]
            if words and below(command) and re.fullmatch(r"[a-z][a-z0-9-]*", words[0]):
                found.append(f"rrgbench {line}")
                continue
            known = options_of(command) | options_of(COMMANDS)
            flags = re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(words))
            found += [f"rrgbench {line}: {flag}" for flag in flags if flag not in known]
        if re.fullmatch(r"--[a-z][\w-]*( [A-Z]+)?", span) and span.split()[0] not in every_option(COMMANDS):
            found.append(span)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert wrong_files(text) == []
    assert wrong_modules(text) == []
    assert wrong_links(page, text) == []
    assert wrong_commands(text) == []


def test_the_metric_that_a_page_shows_how_to_add_scores() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8").partition("## Add a metric")[2]
    names: dict[str, Any] = {}
    exec(text.partition("```python")[2].partition("```")[0], names)
    loaded = names["PLUG_IN"].load(power="2")
    assert loaded.score([["a b"], ["c"]], ["a", "c"]) == [0.25, 1.0]
    assert [one.key for one in names["PLUG_IN"].entries] == ["word_ratio"]


def test_the_examples_of_adding_a_thing_are_the_package_that_is_tested() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    package = ROOT / "tests" / "plugin"
    files = {path.read_text(encoding="utf-8") for path in package.glob("*/*.py") if path.name != "__init__.py"}
    assert set(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)) == files
    (points,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    assert points in (package / "pyproject.toml").read_text(encoding="utf-8")


def test_the_protocol_that_a_page_shows_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs/protocols.md").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.partition("```yaml")[2].partition("```")[0])
    assert load_protocol(tmp_path / "mine.yaml").identity.startswith("mine@1#")
    shown = re.findall(r"^`(rrgbench:.*)`$", text, flags=re.MULTILINE)
    assert [str(parse(line)) for line in shown] == shown != []


def test_the_tolerances_of_drift_are_the_catalogues() -> None:
    text = (ROOT / "docs/drift.md").read_text(encoding="utf-8").partition("## Tolerances")[2]
    rows = re.findall(r"^\| (`.*`|everything else) \| ([\d.]+) \|", text, flags=re.MULTILINE)
    shown = [(pattern, float(limit)) for names, limit in rows for pattern in re.findall(r"`([^`]+)`", names)]
    for key, one in NATIVE.items():
        limits = [limit for pattern, limit in shown if fnmatchcase(key, pattern)]
        assert limits == [one.drift_tolerance], key
    assert rows[-1] == ("everything else", str(entry("unknown").drift_tolerance))


def test_what_does_not_exist_is_found() -> None:
    assert wrong_files("`rrgbench/scoring/score.py`, `scoring/options.py`, `dcrrg/presets/*.yaml`") == []
    assert wrong_files("in `rrgbench/scoring/scorer.py` and `scoring/option.py`") == [
        "rrgbench/scoring/scorer.py",
        "scoring/option.py",
    ]
    assert wrong_modules("`rrgbench.score`, rrgbench.scoring.options.Scoring.digest, group `rrgbench.protocols`") == []
    assert wrong_modules("`rrgbench.scoring.option.Scoring` `rrgbench.scores`") == [
        "rrgbench.scoring.option.Scoring",
        "rrgbench.scores",
    ]
    page = ROOT / "docs/protocols.md"
    assert wrong_links(page, "[a](metrics.md#add-a-metric) [b](https://x.org)") == []
    assert wrong_links(page, "[a](metric.md) [b](metrics.md#no-heading)") == ["metric.md", "metrics.md#no-heading"]
    good = "`rrgbench score --json`\n```console\n$ rrgbench data five-by-200 \\\n    --help  # --not-an-option\n```"
    assert wrong_commands(good) == []
    assert wrong_commands("`rrgbench scor x` `rrgbench score --jsn` `--no-such`") == [
        "rrgbench scor x",
        "rrgbench score --jsn: --jsn",
        "--no-such",
    ]
