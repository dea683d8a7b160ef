"""The commands score, compare and protocols from files to printed tables."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from rrgbench.cli.compare import compare
from rrgbench.cli.protocols import protocols
from rrgbench.cli.score import score
from rrgbench.errors import InputError
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import load_protocol, protocol_names
from rrgbench.scoring.signature import parse

REFERENCES = {f"s{i}": f"The heart is normal . Nodule number {i} is seen . No effusion ." for i in range(12)}


@pytest.fixture
def files(tmp_path):
    def write(name, reports):
        path = tmp_path / name
        path.write_text("".join(json.dumps({"study_id": k, "report": v}) + "\n" for k, v in reports.items()))
        return str(path)

    return {
        "references": write("refs.jsonl", REFERENCES),
        "good": write("good.jsonl", {key: text.replace("normal", "large") for key, text in REFERENCES.items()}),
        "bad": write("bad.jsonl", dict.fromkeys(REFERENCES, "Edema .")),
        "short": write("short.jsonl", {key: REFERENCES[key] for key in list(REFERENCES)[2:]}),
        "folder": tmp_path,
    }


@pytest.fixture
def run():
    app = typer.Typer()
    for name, command in (("score", score), ("compare", compare), ("protocols", protocols)):
        app.command(name)(command)

    def invoke(*arguments, fails=False):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if not fails:
            assert result.exit_code == 0, result.output
        return result

    return invoke


def test_score_prints_a_table_and_the_signature(run, files) -> None:
    result = run("score", "--predictions", files["good"], "--references", files["references"], "--replicates", "50")
    for name in ("BLEU-4", "METEOR", "ROUGE-L", "CIDEr", "CE F1", "Lung Lesion", "95 % interval"):
        assert name in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith("signature: "))
    assert parse(line.removeprefix("signature: ")).n == 12


def test_score_json_is_json_and_says_the_same(run, files) -> None:
    common = ("score", "--predictions", files["good"], "--references", files["references"], "--no-intervals")
    content = json.loads(run(*common, "--json", "--metrics", "bleu,ce").stdout)
    assert [row["metric"] for row in content["values"]][:4] == ["bleu_1", "bleu_2", "bleu_3", "bleu_4"]
    assert f"{content['values'][0]['value']:.3f}" in run(*common, "--markdown").stdout
    assert r"\toprule" in run(*common, "--latex").stdout


def test_score_writes_per_study_values(run, files) -> None:
    target = files["folder"] / "each.csv"
    run("score", "--predictions", files["good"], "--references", files["references"], "--per-study", target)
    lines = target.read_text().splitlines()
    assert lines[0].startswith("study_id,bleu_1,")
    assert len(lines) == 13


def test_allowances_enter_the_signature(run, files) -> None:
    common = ("score", "--predictions", files["short"], "--references", files["references"], "--metrics", "bleu_1")
    assert isinstance(run(*common, fails=True).exception, InputError)
    assert "allowed:missing=2" in run(*common, "--allow-missing").stdout


def test_compare(run, files) -> None:
    common = (
        "compare",
        files["good"],
        f"other={files['bad']}",
        "--references",
        files["references"],
        "--permutations",
        100,
    )
    result = run(*common)
    assert "a = good" in result.stdout
    assert "b = other" in result.stdout
    assert "good minus other" in result.stdout
    assert re.search(r"BLEU-4 +-?[\d.]+  \S+ +0\.\d{4} +0\.\d{4}", result.stdout)
    assert r"\textsuperscript{b}" in run(*common, "--latex").stdout
    assert json.loads(run(*common, "--json").stdout)["level"] == 0.05


def test_a_systems_name_is_text_on_the_terminal(run, files) -> None:
    files_named = (f"[/red]\x1b[31m<x>={files['good']}", f"a|b={files['bad']}")
    shown = run("compare", *files_named, "--references", files["references"], "--permutations", 20, "--metrics", "bleu")
    assert "a = [/red]\ufffd[31m<x>" in shown.stdout
    assert "\x1b" not in shown.output


def test_compare_refuses_equal_names_and_single_files(run, files) -> None:
    assert (
        "two systems are called 'good'"
        in run("compare", files["good"], files["good"], "--references", "x", fails=True).output
    )
    assert "at least two" in run("compare", files["good"], "--references", "x", fails=True).output


def test_protocols_describes_them_without_files(run) -> None:
    assert "Chen et al." in run("protocols").stdout
    assert len(json.loads(run("protocols", "--json").stdout)) == len(protocol_names())


def test_protocols_scores_under_each(run, files) -> None:
    common = ("protocols", "--predictions", files["good"], "--references", files["references"])
    result = run(*common)
    assert "moves" in result.stdout
    without_training = [name for name in protocol_names() if not scoring(name).lacking]
    assert 8 < len(without_training) < len(protocol_names())
    possible = [name for name in without_training if not load_protocol(name).missing_part]
    assert result.stdout.count("|protocol:") == len(possible)
    latex = run(*common, "--latex").stdout
    assert latex.count("rexrank &") == 1
    assert latex.count(r"\midrule") == 2
    content = json.loads(run(*common, "--json", "--metrics", "ce").stdout)
    assert [name for name, one in content.items() if "left_out" not in one] == possible
    assert "--training-reports FILE" in content["r2gen"]["left_out"]
    given = run(*common, "--json", "--metrics", "ce", "--training-reports", files["references"]).stdout
    assert "values" in json.loads(given)["r2gen"]
    assert run(*common, "--efficacy-choices", "--markdown").stdout.count("avg:") == 24


def test_protocols_takes_a_list_of_them_and_files(run, files) -> None:
    own = files["folder"] / "mine.yaml"
    own.write_text("name: mine\nversion: 2\ncleaning: none\n")
    chosen = ("--protocol", "r2gen@1", "--protocol", "raw@1", "--protocol", own)
    result = run("protocols", "--predictions", files["good"], "--references", files["references"], "--json", *chosen)
    assert list(json.loads(result.stdout)) == ["r2gen@1", "raw@1", load_protocol(own).identity]
    described = json.loads(run("protocols", "--json", *chosen).stdout)
    assert [one["name"] for one in described] == ["r2gen", "raw", "mine"]
    choices = ("protocols", "--predictions", files["good"], "--references", files["references"], "--efficacy-choices")
    assert run(*choices, "--markdown", "--protocol", "r2gen@1").stdout.count("|protocol:r2gen@1|") == 24
    assert "give --protocol once" in run(*choices, *chosen, fails=True).output


def test_the_labeler_band_is_a_table_with_its_line(run, files) -> None:
    common = ("protocols", "--predictions", files["good"], "--references", files["references"])
    shown = run(*common, "--labeler-band", "rules@1,rules@2", "--markdown").stdout
    assert shown.count("|unc:") == 6
    assert "over labelers rules@1" in shown
    for wrong, message in (
        (("--efficacy-choices",), "exclude each other"),
        (("--labeler", "rules"), "leave --labeler out"),
    ):
        assert message in run(*common, "--labeler-band", "rules@1", *wrong, fails=True).output


def test_protocols_of_another_section_are_left_out(run, files) -> None:
    common = ("protocols", "--predictions", files["good"], "--references", files["references"])
    found = json.loads(run(*common, "--section", "findings", "--json").stdout)
    assert found["rexrank"]["left_out"].startswith("protocol rexrank@2 compares the findings and impression")
    assert "bleu_4" in json.dumps(found["raw"])
    assert "rexrank" in run(*common, "--section", "findings").stdout
    alone = run(*common, "--section", "findings", "--protocol", "rexrank", fails=True)
    assert isinstance(alone.exception, InputError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "--predictions", "a", "--references", "b", "--json", "--latex"), "exclude each other"),
        (("score", "--predictions", "a", "--references", "b", "--method", "x"), "percentile or bca"),
        (("compare", "a", "b", "--references", "r", "--test", "x"), "randomization or bootstrap"),
        (("protocols", "--predictions", "a"), "or neither"),
    ],
)
def test_wrong_options(run, arguments, message) -> None:
    result = run(*arguments, fails=True)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize("command", ["score", "compare", "protocols"])
def test_help_shows_an_example(run, command) -> None:
    assert f"rrgbench {command} " in run(command, "--help").stdout


def test_defining_the_commands_imports_nothing_heavy() -> None:
    code = (
        "import sys, rrgbench.cli.score, rrgbench.cli.compare, rrgbench.cli.protocols;"
        "print({'numpy', 'pandas', 'torch', 'scipy'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_labelers_options_are_given_on_the_command_line(run, files) -> None:
    """`score`, `compare` and `protocols` alike; a cache of labels is one."""
    cache = files["folder"] / "labels.sqlite"
    options = ["--labeler", "rules@3", "--labeler-option", f"cache={cache}"]
    pair = ["--predictions", files["good"], "--references", files["references"]]
    cached = run("score", *pair, "--metrics", "ce_f1", "--replicates", "50", "--json", *options)
    assert cache.is_file()
    assert cached.stdout == run("score", *pair, "--metrics", "ce_f1", "--replicates", "50", "--json").stdout
    run("compare", files["good"], files["bad"], "--references", files["references"], "--metrics", "ce_f1", *options)
    run("protocols", *pair, "--efficacy-choices", *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--labeler-option", "weights=a.pth"], "without --labeler"),
        (["--labeler", "chexbert", "--labeler-option", "weights"], "OPTION=VALUE"),
        (["--labeler", "rules", "--labeler-option", "weights=a.pth"], "takes no weights"),
        (["--labeler", "chexbert", "--labeler-option", "weights=nowhere/chexbert.pth"], "chexbert.pth"),
        (["--labeler", "chexbert", "--labeler-option", "batch_tokens=many"], "whole number"),
    ],
)
def test_mistakes_in_a_labelers_options(run, files, options, words) -> None:
    result = run("score", "--predictions", files["good"], "--references", files["references"], *options, fails=True)
    assert result.exit_code != 0
    assert words in " ".join((result.output + str(result.exception)).split())


@pytest.fixture
def several(files):
    """One file of three systems, each with a report and a reference of every study."""
    path = files["folder"] / "pairs.csv"
    rows = [
        (name, study, text, f"{text} {name}")
        for name in ("ours", "theirs", "base")
        for study, text in REFERENCES.items()
    ]
    path.write_text("".join(",".join(row) + "\n" for row in [("System", "uid", "reference", "candidate"), *rows]))
    return path


def test_a_file_of_several_systems_names_them_and_how_to_choose(run, several) -> None:
    said = str(run("score", "--predictions", several, "--references", several, fails=True).exception)
    assert "\n" not in said
    assert "12 study ids more than once: it holds the reports of 3 systems (ours, theirs, base)" in said
    assert "by its field System; score one with --system NAME" in said
    assert "allow-duplicates" not in said


def test_one_system_of_several_is_scored(run, several) -> None:
    given = ("--references", several, "--no-intervals", "--metrics", "bleu_1", "--json")
    one = json.loads(run("score", "--predictions", several, "--system", "theirs", *given).stdout)
    alone = several.parent / "alone.csv"
    lines = several.read_text().splitlines(keepends=True)
    alone.write_text("".join([lines[0], *(line for line in lines if line.startswith("theirs,"))]))
    assert one == json.loads(run("score", "--predictions", alone, *given).stdout)
    wrong = run("score", "--predictions", several, "--system", "thiers", *given, fails=True).exception
    assert "did you mean 'theirs'" in str(wrong)


def test_systems_of_one_file_are_compared(run, several, files) -> None:
    given = ("--no-intervals", "--metrics", "bleu_1", "--permutations", "20", "--json")
    found = json.loads(run("compare", several, "--references", several, *given).stdout)
    assert set(found["systems"]) == {"ours", "theirs", "base"}
    both = json.loads(run("compare", f"ours={several}", files["good"], "--references", several, *given).stdout)
    assert set(both["systems"]) == {"ours", "good"}


@pytest.mark.parametrize("packed", [False, True])
def test_systems_of_a_file_as_spreadsheets_write_it_are_compared(run, several, packed) -> None:
    given = ("--references", several, "--no-intervals", "--metrics", "bleu_1", "--permutations", "20", "--json")
    other = several.parent / ("sheet.csv.gz" if packed else "sheet.csv")
    text = several.read_text().replace(",", ";") + ";;;\n"
    other.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = json.loads(run("compare", other, *given).stdout)
    assert set(found["systems"]) == {"ours", "theirs", "base"}


def test_a_prompt_of_each_row_is_no_system(run, files) -> None:
    prompted = files["folder"] / "prompted.jsonl"
    rows = [json.loads(line) for line in Path(files["good"]).read_text().splitlines()]
    prompted.write_text("".join(json.dumps({**row, "system": f"Prompt {at}"}) + "\n" for at, row in enumerate(rows)))
    given = ("--references", files["references"], "--no-intervals", "--metrics", "bleu_1", "--permutations", "20")
    found = json.loads(run("compare", prompted, files["good"], *given, "--json").stdout)
    assert set(found["systems"]) == {"prompted", "good"}


def test_references_that_differ_between_systems_are_refused(run, several) -> None:
    several.write_text(several.read_text().replace("theirs,s1,The", "theirs,s1,A"))
    said = str(run("compare", several, "--references", several, fails=True).exception)
    assert "with other references of a study: it holds the reports of 3 systems" in said
    assert "give a file with one reference of each study" in said
