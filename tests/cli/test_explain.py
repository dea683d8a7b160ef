"""`rrgbench explain`: which study, which parts, which forms."""

import html
import json
import re

import pytest
from PIL import Image
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.observations import OBSERVATIONS

SMALL_PHANTOM = ("-o", "train=4", "-o", "validate=1", "-o", "test=6", "-o", "retrieval=0")


def run(*arguments):
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A jsonl corpus of four studies, the last without a film."""
    root = tmp_path_factory.mktemp("corpus")
    Image.new("L", (40, 50), 90).save(root / "film.png")
    lines = [
        {"study_id": f"study-{number}", "subject_id": f"p{number}", "split": split, "images": films, "report": report}
        for number, split, films, report in (
            (1, "train", ["film.png"], "The heart is enlarged."),
            (2, "test", ["film.png"], "No pleural effusion."),
            (3, "test", ["film.png"], "Possible pneumonia."),
            (4, "validate", [], "Clear lungs."),
        )
    ]
    (root / "studies.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return root


def test_dcrrg_on_the_phantom_in_every_form(tmp_path):
    page = tmp_path / "study.html"
    done = run("--study", "phantom-0-2000004", "--html", page, "--json", *SMALL_PHANTOM)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["study_id"], found["split"]) == ("phantom-0-2000004", "test")
    assert found["corpus"].startswith("phantom@")
    assert [row["observation"] for row in found["observations"]] == list(OBSERVATIONS)
    assert all(0 <= row["probability"] <= 1 and row["description"] is not None for row in found["observations"])
    assert any(row["description"] for row in found["observations"])
    assert found["reference"]["text"]
    assert found["report"]["text"]
    shown = re.sub(r"<sup>.*?</sup>|<[^>]+>", "", page.read_text(encoding="utf-8"))
    for report in (found["reference"]["text"], found["report"]["text"]):
        assert report in html.unescape(shown)
    assert f"Written: {page}" in done.stderr


def test_a_model_that_learned_elsewhere_is_said_so(folder, tmp_path):
    page = tmp_path / "study.html"
    words = "dcrrg (checkpoint 6d) was trained on phantom@3be6, not on jsonl"
    done = run("--corpus", "jsonl", "--root", folder, "--study", "study-2", "--html", page)
    assert done.exit_code == 0, done.output
    assert f"! {words}" in " ".join(done.stdout.split())
    assert words in page.read_text(encoding="utf-8")
    told = json.loads(run("--model", "fixed-template", "--corpus", "jsonl", "--root", folder, "--json").stdout)
    assert "warning" not in told


def test_without_an_id_the_first_study_of_the_test_split_is_shown(folder):
    done = run("--model", "fixed-template", "--corpus", "jsonl", "--root", folder)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Study study-2 jsonl@")
    assert "pleural effusion¹¹⁻" in done.stdout
    assert done.stdout.count("not offered") == 14, "a trivial system describes no single observation"


def test_a_study_of_any_split_is_found(folder):
    done = run("--model", "fixed-template", "--corpus", "jsonl", "--root", folder, "--study", "study-1", "--json")
    assert json.loads(done.stdout)["split"] == "train"


def test_an_unknown_study_comes_with_near_ids_of_the_test_split(folder):
    done = run("--model", "fixed-template", "--corpus", "jsonl", "--root", folder, "--study", "study-33")
    assert isinstance(done.exception, UnknownNameError)
    assert str(done.exception) == (
        "corpus jsonl has no study 'study-33'; the test split has for instance study-3, study-2"
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("--study", "study-4"), InputError, "study study-4 of corpus jsonl has no film"),
        (("--html", "no/such/folder/a.html"), InputError, "there is no folder"),
        (("--model", "fixed-templat"), UnknownNameError, "did you mean 'fixed-template'"),
    ],
)
def test_mistakes_are_one_line(folder, arguments, kind, words):
    model = () if "--model" in arguments else ("--model", "fixed-template")
    done = run(*model, "--corpus", "jsonl", "--root", folder, *arguments)
    assert isinstance(done.exception, kind), done.output
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)


def test_help_shows_an_example():
    assert "rrgbench explain --model dcrrg --study" in run("--help").output
