import hashlib
import json
import tomllib
from pathlib import Path

import pytest
import yaml
from published import HYPOTHESES, REFERENCES, TRAINING, printed_under, seeded
from typer.testing import CliRunner

import rrgbench
from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.reproduction import registry
from rrgbench.reproduction.recompute import Material, reproduce
from rrgbench.reproduction.registry import load_published

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "rrgbench" / "reproduction" / "published"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [json.dumps({"study_id": str(at), "report": text}) for at, text in enumerate(HYPOTHESES)]
    (tmp_path / "outputs.jsonl").write_text("\n".join(rows))
    splits = {"train": TRAINING, "val": [], "test": REFERENCES}
    (tmp_path / "annotation.json").write_text(
        json.dumps({name: [{"id": str(at), "report": text} for at, text in enumerate(s)] for name, s in splits.items()})
    )
    (tmp_path / "registry").mkdir()
    return tmp_path


def publish(folder: Path, protocol: str = "r2gen@2", sha256: str = "", **wrong: object) -> None:
    digest = hashlib.sha256((folder / "outputs.jsonl").read_bytes()).hexdigest()
    printed = {key: figure.text for key, figure in printed_under(seeded(**wrong)).items()}
    result = {"corpus": "mine", "source": "a paper", "protocol": protocol, "figures": printed}
    outputs = {"file": "outputs.jsonl", "sha256": sha256 or digest, "origin": "https://somewhere"}
    closed = {**result, "note": "never shared"}
    content = {"system": "Mine", "results": [{**result, "outputs": outputs}, closed]}
    (folder / "registry" / "mine.yaml").write_text(yaml.safe_dump(content))


def run(folder: Path, *arguments: object) -> list[dict[str, object]]:
    files = ("--outputs", folder, "--references", folder / "annotation.json", "--registry", folder / "registry")
    result = CliRunner().invoke(app, ["reproduce", *map(str, (*files, "--json", *arguments))])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_printed_figures_are_recomputed(folder) -> None:
    publish(folder)
    ours, closed = run(folder)
    assert ours["verdict"] == "reproduced"
    assert "vocab:3/59@" in ours["signature"]
    assert all(abs(one["difference"]) <= 5e-7 for one in ours["figures"].values())
    assert (closed["verdict"], closed["why"]) == ("not reproducible", "the outputs are not public; never shared")


@pytest.mark.parametrize(("wrong", "named"), [({"cut": 0}, "no cut instead of 59"), ({"threshold": 2}, "threshold 2")])
def test_another_protocol_is_named(folder, wrong, named) -> None:
    publish(folder, **wrong)
    assert run(folder)[0]["verdict"] == "reproduced under another protocol"
    assert named in run(folder)[0]["why"]
    without = run(folder, "--no-search")[0]
    assert (without["verdict"], "don't fit under r2gen@2" in without["why"]) == ("not reproducible", True)


def test_what_is_lacking_or_another_file_is_told(folder) -> None:
    publish(folder, sha256="0" * 64)
    assert run(folder)[0]["verdict"] == "not checked"
    assert "another file" in run(folder)[0]["why"]
    (folder / "outputs.jsonl").unlink()
    assert "https://somewhere) is not in" in run(folder)[0]["why"]
    (one, _) = reproduce(load_published(folder / "registry"), Material()).results
    assert "name its folder (--outputs)" in one.why
    assert "--references" not in one.why
    (folder / "outputs.jsonl").write_text('{"study_id": "1", "report": "x"}')
    publish(folder)
    assert "have no prediction" in run(folder)[0]["why"]


def test_figures_in_per_cent_are_compared_as_fractions(folder) -> None:
    publish(folder)
    path = folder / "registry" / "mine.yaml"
    content = yaml.safe_load(path.read_text())
    # both results have the same figures
    figures = content["results"][0]["figures"]
    for key, text in figures.items():
        if key != "cider":
            figures[key] = f"{100 * float(text):.{len(text.partition('.')[2]) - 2}f}"
    path.write_text(yaml.safe_dump(content))
    ours, _ = run(folder)
    assert ours["verdict"] == "reproduced"
    assert all(abs(one["difference"]) <= 5e-7 for one in ours["figures"].values())


def test_a_column_that_the_outputs_lack_is_told(folder) -> None:
    publish(folder)
    path = folder / "registry" / "mine.yaml"
    content = yaml.safe_load(path.read_text())
    content["results"][0]["outputs"] |= {"study_id": "study_id", "report": "dictation"}
    path.write_text(yaml.safe_dump(content))
    found = run(folder)[0]
    assert found["verdict"] == "not checked"
    assert "outputs.jsonl has no column dictation, which the registry names" in found["why"]


def test_the_table_says_verdicts_in_headings(folder) -> None:
    publish(folder)
    files = ("--outputs", folder, "--references", folder / "annotation.json", "--registry", folder / "registry")
    shown = CliRunner().invoke(app, ["reproduce", *map(str, files)]).stdout
    assert "Mine, mine: reproduced\n" in shown
    assert "all digits fit under r2gen@2" in shown


def test_a_registry_that_is_none_is_refused(folder) -> None:
    with pytest.raises(InputError, match="no registry of published figures"):
        load_published(folder)
    wrong = (
        ({"blue_1": ".1"}, "did you mean 'bleu_1'"),
        ({"bleu_1": "x"}, "printed figure"),
        ({"bleu_1": 0.1}, "bleu_1: put the figure in quotes, since its last digits count"),
    )
    for figures, message in wrong:
        result = {"corpus": "c", "source": "s", "protocol": "raw", "figures": figures}
        (folder / "registry" / "mine.yaml").write_text(yaml.safe_dump({"system": "Mine", "results": [result]}))
        with pytest.raises(InputError, match=rf"mine.yaml: .*{message}") as refused:
            load_published(folder / "registry")
        assert "at least 1 item" not in str(refused.value)


def test_averaging_is_read_off_a_table(folder) -> None:
    table = ROOT / "leaderboards" / "paper" / "table1_report_generation.csv"
    result = CliRunner().invoke(app, ["reproduce", "averaging", str(table), "--json"])
    verdicts = {one["name"]: one["verdict"] for one in json.loads(result.stdout)}
    assert (verdicts["R2Gen"], verdicts["M2TR"], len(verdicts)) == ("averaged", "micro", 12)
    assert "| M2TR |" in CliRunner().invoke(app, ["reproduce", "averaging", str(table), "--markdown"]).stdout
    empty = CliRunner().invoke(app, ["reproduce", "averaging", str(table), "--f1", "f1"])
    assert isinstance(empty.exception, InputError)


def test_the_registry_that_ships_is_sound_and_its_public_outputs_are_recomputed(shared: Path) -> None:
    systems = load_published(PUBLISHED)
    assert {"R2Gen", "PPKED", "M2TR", "DCL", "VLCI", "DeltaNet", "XProNet", "CMCRL"} < {one.system for one in systems}
    material = Material.of_file(shared / "published_outputs", shared / "iu_xray" / "annotation.json")
    found = {
        (one.system, one.result.corpus.partition(", ")[2]): one
        for one in reproduce(systems, material, searching=False).results
        if one.result.outputs is not None
    }
    assert [one.verdict for key, one in found.items() if key[0] == "CvT2DistilGPT2"] == ["reproduced"]
    moerad = [one.values["bleu_2_mean"] for key, one in found.items() if key[0] == "MoERad"]
    assert moerad == pytest.approx([0.2704324, 0.2704324], abs=1e-7)
    for one in systems:
        for result in one.results:
            assert result.protocol.count("@") == 1


def test_the_registry_comes_with_the_package() -> None:
    """A wheel holds what package-data matches; the registry is found without the source's other folders."""
    package = Path(rrgbench.__file__).parent
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["rrgbench"]
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    registered = sorted(registry.PUBLISHED.glob("*.yaml"))
    assert len(registered) >= 10
    assert packed.issuperset(registered)
    assert [one.system for one in load_published()] == [one.system for one in load_published(PUBLISHED)]


def test_progress_names_each_system(folder) -> None:
    publish(folder)
    files = ("--outputs", folder, "--references", folder / "annotation.json", "--registry", folder / "registry")
    told = CliRunner().invoke(app, ["reproduce", *map(str, files)]).stderr
    assert "[0/2] recomputing Mine, mine" in told
    assert "[1/2] recomputing Mine, mine" in told
