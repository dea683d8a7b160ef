"""Each documented exit code, driven through commands; and files that the machine refuses, which are no wrong input."""

import ast
import builtins
import errno
import io
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from rrgbench.cli.ending import run_to_the_end
from rrgbench.cli.main import app
from rrgbench.errors import ExitCode, InputError, MissingPartError, exit_code
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder

ROOT = Path(__file__).resolve().parents[2]
SIGNATURE = "rrgbench:0.1|corpus:c@1a2b|split:test|n:9|protocol:dcrrg@{}"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a file of every kind that a command reads."""
    monkeypatch.chdir(tmp_path)
    for name, word in (("refs", "no"), ("preds", "no"), ("other", "small")):
        rows = [{"study_id": str(number), "report": f"{word} effusion ."} for number in range(3)]
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    Path("less.jsonl").write_text('{"study_id": "0", "report": "no effusion ."}')
    for name, value, version in (("a", 0.5, 1), ("moved", 0.6, 1), ("another", 0.5, 2)):
        made = {"task": "report_generation", "model": "m", "corpus": "c@1a2b", "split": "test", "metric": "bleu_4"}
        records = [Record(value=value, n=9, signature=SIGNATURE.format(version), **made)]
        RunFolder(tmp_path / "runs" / name).write_results(records)
    Path("table.csv").write_text("model,ce_precision,ce_recall,ce_f1\nx,0.5,0.4,0.444\n")
    Path("suite.yaml").write_text("tasks:\n  report_generation: {}\n")
    Path("protocol.yaml").write_text("name: mine\nversion: 1\n")
    Path("corpus").mkdir()
    Image.new("L", (40, 40), 90).save("corpus/x.png")
    rows = [
        {"study_id": f"s{number}", "subject_id": "p", "images": ["x.png"], "report": "no edema .", "split": split}
        for number, split in enumerate(("train", "test"))
    ]
    Path("corpus/studies.jsonl").write_text("\n".join(map(json.dumps, rows)))
    shutil.copytree("corpus", "apart")
    Path("apart/studies.jsonl").write_text("\n".join(json.dumps(row | {"subject_id": row["split"]}) for row in rows))
    return tmp_path


def end(*arguments: str) -> int:
    return int(run_to_the_end(app, [*arguments]))


SCORE = ("score", "--references", "refs.jsonl", "--metrics", "bleu_1", "--no-intervals", "--predictions")
FILES = ("--references", "refs.jsonl", "--metrics", "bleu_1", "--permutations", "5")


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (ExitCode.DONE, ("list", "suites")),
        (ExitCode.DONE, (*SCORE, "preds.jsonl")),
        (ExitCode.DONE, ("compare", "preds.jsonl", "other.jsonl", *FILES)),
        (ExitCode.DONE, ("drift", "runs/a", "--against", "runs/a")),
        (ExitCode.DONE, ("report", "runs/a")),
        (ExitCode.DONE, ("runs", "list")),
        (ExitCode.DONE, ("runs", "show", "a")),
        (ExitCode.DONE, ("reproduce", "averaging", "table.csv")),
        (ExitCode.WRONG_INPUT, ("reproduce", "order", "table.csv", "runs/a")),
        (ExitCode.WRONG_INPUT, ("reproduce", "order", "table.csv", "runs/a", "--system", "a")),
        (ExitCode.MOVED, ("drift", "runs/moved", "--against", "runs/a")),
        (ExitCode.WRONG_INPUT, ("no-such-command",)),
        (ExitCode.WRONG_INPUT, (*SCORE, "no-such-file.jsonl")),
        (ExitCode.WRONG_INPUT, (*SCORE, "less.jsonl")),
        (ExitCode.WRONG_INPUT, ("eval", "--model", "dcrg")),
        (ExitCode.WRONG_INPUT, ("eval", "--suite", "no.yaml")),
        (ExitCode.WRONG_INPUT, ("runs", "show", "no-such-run")),
        (ExitCode.WRONG_INPUT, ("report", "no-such-run")),
        (ExitCode.WRONG_INPUT, ("drift", "no-such-run", "--against", "runs/a")),
        (ExitCode.MISSING_PART, (*SCORE, "preds.jsonl", "--protocol", "coco")),
        (ExitCode.NOT_COMPARABLE, ("drift", "runs/another", "--against", "runs/a")),
        (ExitCode.NOT_COMPARABLE, ("compare", "preds.jsonl", "less.jsonl", *FILES, "--allow-missing")),
        (ExitCode.LEAK, ("data", "audit", "--corpus", "jsonl", "--root", "corpus", "--no-films")),
    ],
)
def test_what_a_command_ends_with(code, arguments, place, monkeypatch, capfd) -> None:
    # a machine without Java
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert end(*arguments) == code
    told = capfd.readouterr()
    assert "Traceback" not in told.err
    # what is found is on standard output, what stands in the way one line on standard error
    if code in (ExitCode.WRONG_INPUT, ExitCode.MISSING_PART):
        assert (told.out, told.err.splitlines()[-1].startswith("rrgbench: ")) == ("", True)


def test_a_defect_is_none_of_them(place, monkeypatch, capfd) -> None:
    import rrgbench.tasks.suite

    monkeypatch.setattr(rrgbench.tasks.suite, "suite_names", lambda: 1 / 0)
    assert end("list", "suites") == ExitCode.DEFECT
    assert "Traceback" in capfd.readouterr().err


READING = [
    ("preds.jsonl", (*SCORE, "preds.jsonl")),
    ("refs.jsonl", (*SCORE, "preds.jsonl")),
    ("protocol.yaml", (*SCORE, "preds.jsonl", "--protocol", "protocol.yaml")),
    ("other.jsonl", (*SCORE, "preds.jsonl", "--labeler", "lookup:other.jsonl", "--metrics", "ce_f1")),
    ("other.jsonl", ("compare", "preds.jsonl", "other.jsonl", *FILES)),
    ("preds.jsonl", ("eval", "--predictions", "preds.jsonl", "--corpus", "jsonl", "--root", "apart")),
    ("suite.yaml", ("eval", "--model", "fixed-template", "--suite", "suite.yaml")),
    ("studies.jsonl", ("data", "stats", "--corpus", "jsonl", "--root", "apart")),
    ("results.json", ("report", "runs/a")),
    ("results.json", ("drift", "runs/a", "--against", "runs/moved")),
    ("table.csv", ("reproduce", "averaging", "table.csv")),
]


@pytest.mark.parametrize(("refused", "arguments"), READING)
def test_a_file_that_the_machine_refuses_is_no_wrong_input(refused, arguments, place, monkeypatch, capfd) -> None:
    """As root may read everything, the refusal is put into `open`."""

    def refusing(real):
        def open_(file, *more, **named):
            if Path(str(file)).name == refused:
                raise PermissionError(errno.EACCES, "Permission denied", str(file))
            return real(file, *more, **named)

        return open_

    for module in (builtins, io, os):
        monkeypatch.setattr(module, "open", refusing(module.open))
    assert end(*arguments) == ExitCode.REFUSED
    told = capfd.readouterr().err
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith("rrgbench: ")


def test_only_a_refusal_changes_the_code_of_an_error_however_deep_it_lies() -> None:
    refused, absent = PermissionError(errno.EACCES, "no", "x"), FileNotFoundError(errno.ENOENT, "no", "x")
    for cause, code in ((refused, 5), (absent, 3), (OSError("the hub can't be reached"), 3)):
        inner, outer = InputError("inner"), MissingPartError("outer")
        inner.__cause__, outer.__cause__ = cause, inner
        assert exit_code(outer) == code
        outer.__cause__ = cause
        assert exit_code(outer) == code


NETWORK = ("rrgbench/endpoint.py", "rrgbench/adapters/openai.py")


def test_no_handler_hides_the_error_of_a_file() -> None:
    """`raise ... from None` in a handler of OSError would make wrong input of a full disk; a network is no disk."""
    hidden = []
    for package in ("rrgbench", "dcrrg", "baselines"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.ExceptHandler) and node.type and "OSError" in ast.unparse(node.type)):
                    continue
                raised = [one for one in ast.walk(node) if isinstance(one, ast.Raise) and one.cause is not None]
                place = path.relative_to(ROOT).as_posix()
                hidden += [f"{place}:{one.lineno}" for one in raised if ast.unparse(one.cause) == "None"]
    assert [line for line in hidden if not line.startswith(NETWORK)] == []


def test_help_names_every_code_but_that_of_a_closed_pipe() -> None:
    shown = re.findall(r"(?:Exit codes: |, )(\d+) ", str(app.info.epilog))
    assert [int(code) for code in shown] == [code for code in ExitCode if code is not ExitCode.READER_GONE]
