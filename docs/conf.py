"""Sphinx configuration of the documentation site; `make docs` builds it into build/site."""

import subprocess
import sys
from importlib.metadata import version as installed
from inspect import isbuiltin
from pathlib import Path
from typing import Any, get_origin

GENERATED = Path(__file__).resolve().parents[1] / "build" / "pages"

project = "rrgbench"
author = "The rrgbench maintainers"
copyright = author
release = version = installed("rrgbench")

# pages link to files beside docs/, as a code host shows them: the repository is the source, these are its pages
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "leaderboards/measured/*.md",
    "leaderboards/published/README.md",
    "examples/drift/README.md",
    "build/pages/**",
]

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

autosummary_generate = True
templates_path = [str(Path(__file__).resolve().parent / "templates")]
autodoc_typehints = "none"  # numpydoc's sections say them
autodoc_member_order = "bysource"
autodoc_default_options = {"ignore-module-all": True}  # each name on the page of the module that defines it
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"rrgbench {release}"
html_show_sourcelink = False
# a folder of the repository has no page; tests/test_docs.py checks every link
suppress_warnings = ["myst.xref_missing"]


def write_commands(app: Any, config: Any) -> None:
    """Make a page of every command's `--help`."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    page = str(GENERATED / "commands.md")
    documenting = ["typer", "rrgbench.cli.main", "utils", "docs", "--name", "rrgbench", "--title", "Commands"]
    subprocess.run([sys.executable, "-m", *documenting, "--output", page], check=True, stdout=subprocess.DEVNULL)


def skip_alias(app: Any, what: str, name: str, found: Any, skip: bool, options: Any) -> bool:
    """Leave out names of types (`Row = tuple[...]`) and built-in defaults of fields: they have no signature to show."""
    return skip or get_origin(found) is not None or isbuiltin(found)


def write_front(app: Any, failure: Exception | None) -> None:
    """Lead the site's address to its first page."""
    if failure is None and app.builder.format == "html":
        leading = '<meta http-equiv="refresh" content="0; url=docs/index.html">'
        page = f'<!doctype html><meta charset="utf-8"><title>rrgbench</title>{leading}'
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("config-inited", write_commands)
    app.connect("build-finished", write_front)
    app.connect("autodoc-skip-member", skip_alias)
