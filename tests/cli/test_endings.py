"""How commands end: one line, a code that means one thing, and nothing that steers the terminal."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from rrgbench.cli.ending import OpenGroup, run_to_the_end
from rrgbench.cli.main import app
from rrgbench.errors import ExitCode, InputError, MissingPartError, NotComparableError
from rrgbench.terminal_text import STEERING

ROOT = Path(__file__).resolve().parents[2]
FULL = Path("/dev/full")


def child(code, *arguments, **more):
    """The command in a process of its own, after some code."""
    program = f"{code}\nimport sys\nfrom rrgbench.cli.main import run\nrun()"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        env=environment | more.pop("env", {}),
        **{"stdout": subprocess.PIPE} | more,
    )


@pytest.fixture
def ended(capfd):
    """Exit code and standard error of a command that raises what it is given."""

    def run(error, *arguments):
        commands = typer.Typer(cls=OpenGroup)

        @commands.callback()
        def settings() -> None: ...

        @commands.command("eval")
        def evaluate() -> None:
            raise error

        @commands.command("list")
        def list_() -> None:
            raise error

        code = run_to_the_end(commands, [*(arguments or ("list",))])
        told = capfd.readouterr().err
        return code, told

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), 2),
        (UnicodeDecodeError("utf-8", b"\xff patient", 0, 1, "invalid"), 2),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), 2),
        (RecursionError("maximum recursion depth exceeded"), 2),
        (MissingPartError("x"), 3),
        (NotComparableError("x"), 4),
        (OSError(errno.ENOSPC, "No space left on device"), 5),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 5),
        (OSError(errno.EROFS, "Read-only file system", "x"), 5),
        (UnicodeEncodeError("ascii", "±", 0, 1, "ordinal not in range"), 5),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141),
    ],
)
def test_codes(ended, error, code) -> None:
    got, told = ended(error)
    assert got == code
    assert len(told.splitlines()) == (code != 141)
    assert "patient" not in told


def test_an_error_that_comes_from_a_refusal_of_the_machine_ends_like_it(ended) -> None:
    error = InputError("x.json can't be read")
    error.__cause__ = PermissionError(errno.EACCES, "Permission denied", "x.json")
    assert ended(error) == (5, "rrgbench: x.json can't be read\n")
    error.__cause__ = FileNotFoundError(errno.ENOENT, "No such file or directory", "x.json")
    assert ended(error)[0] == 2


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), EOFError("ran out\x1b[31m"), MemoryError()])
def test_a_defect_keeps_its_traceback(ended, error) -> None:
    code, told = ended(error)
    assert code == 70
    assert "Traceback" in told
    assert type(error).__name__ in told
    assert told.splitlines()[-1].startswith("rrgbench: this is a defect")
    assert not STEERING.search(told)


def test_interruption_says_how_to_resume(ended) -> None:
    assert ended(KeyboardInterrupt(), "eval") == (
        130,
        "rrgbench: interrupted; what was finished is kept; resume with: rrgbench eval\n",
    )
    assert ended(KeyboardInterrupt(), "list") == (130, "rrgbench: interrupted; start again with: rrgbench list\n")
    assert "resume with: rrgbench eval" in ended(OSError(errno.ENOSPC, "No space left on device"), "eval")[1]


def test_a_real_signal() -> None:
    # a shell's background jobs ignore interruptions
    ready = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    interrupted = "s.suite_names = lambda: os.kill(os.getpid(), signal.SIGINT)"
    code = f"import os, signal, rrgbench.tasks.suite as s\n{ready}\n{interrupted}"
    done = child(code, "list", "suites")
    assert done.returncode == 130
    assert done.stderr == "rrgbench: interrupted; start again with: rrgbench list suites\n"
    assert signal.SIGINT + 128 == ExitCode.INTERRUPTED


def test_verbose_shows_where_an_error_came_from() -> None:
    quiet, loud = (child("", *more, "score", "--predictions", "no", "--references", "no") for more in ((), ("-v",)))
    assert quiet.returncode == loud.returncode == 2
    assert quiet.stderr.splitlines() == loud.stderr.splitlines()[-1:]
    assert "Traceback" in loud.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [("list", "corpora"), ("protocols",), ("protocols", "--json")])
def test_a_full_disk(arguments) -> None:
    with FULL.open("w") as full:
        done = child("", *arguments, stdout=full)
    assert done.returncode == 5
    assert done.stderr == "rrgbench: standard output: No space left on device\n"


@pytest.mark.parametrize("arguments", [("list", "corpora"), ("protocols",), ("protocols", "--json")])
def test_a_reader_that_has_gone_is_no_moved_number(arguments) -> None:
    read, write = os.pipe()
    os.close(read)
    done = child("", *arguments, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_output_that_can_not_say_it(tmp_path) -> None:
    reports = tmp_path / "r.jsonl"
    reports.write_text('{"study_id": "a", "report": "no edema"}\n')
    common = ("score", "--predictions", reports, "--references", reports, "--metrics", "bleu_1")
    done = child("", *common, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 5
    assert re.fullmatch(
        r"rrgbench: the output's encoding, ascii, has no U\+\w+; set PYTHONIOENCODING=utf-8\n", done.stderr
    )


NASTY = "a\x1b[31m\x9b\n[/x][bold]\u202ec"


FILE = "b\x1b[31m\n[bold].jsonl"


@pytest.mark.parametrize(
    "arguments",
    [
        (NASTY,),
        ("list", NASTY),
        ("score", f"--{NASTY}"),
        ("score", NASTY),
        ("eval", "--model", NASTY),
        ("eval", "--corpus", NASTY),
        ("eval", "--suite", NASTY),
        ("score", "--predictions", NASTY, "--references", NASTY),
        ("score", "--predictions", FILE, "--references", "r.jsonl"),
        ("drift", FILE, "--against", FILE),
        ("compare", "[/x]=r.jsonl", f"{NASTY}=no.jsonl", "--references", "r.jsonl"),
        ("train", "--preset", NASTY),
        ("explain", "--study", NASTY, "--model", "fixed-template"),
        ("report", NASTY),
        ("runs", "show", NASTY),
        ("drift", NASTY, "--against", NASTY),
        ("data", "stats", "--option", NASTY),
    ],
)
def test_a_name_in_a_message_is_text(arguments, tmp_path, capfd, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.jsonl").write_text('{"study_id": "a", "report": "no edema"}\n')
    Path(FILE).write_text("{")
    assert run_to_the_end(app, [*arguments]) == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("rrgbench: ")
    assert not STEERING.search(told)


def test_names_in_progress_are_text(tmp_path, capfd, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = []
    for name in ("[/x]", "b\x1b[31m"):
        Path(f"{name.replace('/', '')}.jsonl").write_text('{"study_id": "a", "report": "no edema"}\n')
        files.append(f"{name}={name.replace('/', '')}.jsonl")
    done = run_to_the_end(app, ["compare", *files, "--references", "[x].jsonl", "--metrics", "bleu_1"])
    told = capfd.readouterr()
    assert done == 0, told.err
    assert "[/x]" in told.out
    assert "\x1b[31m" not in told.out + told.err


def test_usage_errors_say_where_help_is(capfd) -> None:
    assert run_to_the_end(app, ["score", "--predictions", "x"]) == 2
    assert capfd.readouterr().err == "rrgbench: Missing option '--references'; see rrgbench score --help\n"
    assert run_to_the_end(app, []) == 2
    told = capfd.readouterr()
    assert "Usage: rrgbench" in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    "command", [(), ("score",), ("list",), ("list", "models"), ("runs", "show"), ("data", "stats")]
)
def test_h_is_help(command, capfd) -> None:
    shown = []
    for flag in ("-h", "--help"):
        assert run_to_the_end(app, [*command, flag]) == 0
        shown.append(capfd.readouterr().out)
    assert shown[0] == shown[1]
    assert f"Usage: {' '.join(['rrgbench', *command])}" in shown[0]


def test_python_m() -> None:
    done = subprocess.run([sys.executable, "-m", "rrgbench", "--version"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0
    assert done.stdout.strip()


def test_both_lists_of_codes_are_whole() -> None:
    import rrgbench.errors

    for text in (rrgbench.errors.__doc__, (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")):
        assert [int(code) for code in re.findall(r"^(?:\||-) (\d+)(?: \||:)", text, re.MULTILINE)] == [
            code.value for code in ExitCode
        ]


def _commands(group, name="rrgbench"):
    for word, command in group.commands.items():
        yield f"{name} {word}", command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {word}")


def test_help_breaks_no_line_but_in_examples() -> None:
    for name, command in _commands(typer.main.get_command(app)):
        flowing = [one for one in (command.help or "").split("\n\n") if not one.startswith("\b")]
        assert not [one for one in flowing if "\n" in one], name


def test_the_failure_of_a_plug_in_is_not_called_ours(tmp_path):
    """A model's own error keeps its traceback, and names the package."""
    (tmp_path / "theirs-1.2.dist-info").mkdir()
    (tmp_path / "theirs-1.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
    (tmp_path / "theirs-1.2.dist-info" / "entry_points.txt").write_text("[rrgbench.models]\ntheirs = theirs:load\n")
    (tmp_path / "theirs.py").write_text(
        "class Model:\n    name, identity, image_size = 'theirs', 'theirs@1', 32\n"
        "    def generate_reports(self, images):\n        return [int('no number')]\n"
        "def load():\n    return Model()\ndef none():\n    pass\n"
    )
    sizes = [
        f"--option={name}={count}" for name, count in (("train", 2), ("validate", 1), ("test", 4), ("retrieval", 0))
    ]
    suite = tmp_path / "few.yaml"
    suite.write_text("trivial: []\ntasks: {report_generation: {nlg: [bleu_4]}}\n")
    given = ["eval", "--model", "theirs", *sizes, "--suite", suite, "--out", tmp_path / "run"]
    path = {"PYTHONPATH": str(tmp_path)}
    done = child("", *given, env=path)
    assert done.returncode == ExitCode.WRONG_INPUT, done.stderr
    assert "ValueError: invalid literal" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "rrgbench: the failure lies in theirs 1.2, a package beside rrgbench; the lines above say where"
    )
    (tmp_path / "theirs-1.2.dist-info" / "entry_points.txt").write_text("[rrgbench.models]\ntheirs = theirs:none\n")
    done = child("", *given, env=path)
    assert done.returncode == ExitCode.WRONG_INPUT
    assert "a NoneType was given as a model and has no name" in done.stderr
    assert "Traceback" not in done.stderr
