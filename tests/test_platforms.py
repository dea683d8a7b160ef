"""Nothing that only POSIX has without a fallback, no text of the platform's own encoding, no symlinks.

Windows and macOS have no machine here: what they would trip over is looked for in the source.
"""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for package in ("rrgbench", "dcrrg", "baselines") for path in sorted((ROOT / package).rglob("*.py"))]

POSIX_MODULES = frozenset({"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"})
_OF_OS = """
O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown chroot fchmod fchown fork forkpty getegid geteuid
getgid getgroups getloadavg getpgid getpgrp getpriority getsid getuid killpg lchown link mkfifo mknod nice openpty
posix_fadvise posix_fallocate pread pwrite sched_getaffinity sched_setaffinity setgid setpgid setsid setuid statvfs
symlink sysconf uname wait wait3 wait4
"""
_OF_SIGNAL = """
SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 alarm pause pthread_kill
pthread_sigmask setitimer sigwait
"""
POSIX_NAMES = {"os": frozenset(_OF_OS.split()), "signal": frozenset(_OF_SIGNAL.split())}
POSIX_METHODS = frozenset({"hardlink_to", "symlink_to"})
ASKS = ("os.name", "sys.platform", "platform.system", "hasattr(")
"""In the condition of an `if`: what stands below knows where it runs."""

TEXT_CALLS = {"read_text": 0, "write_text": 1}
"""Methods of a path that take an encoding, and where it may stand among the positional arguments."""


def trespasses(source: str) -> list[tuple[int, str]]:
    """Lines, and what only POSIX has or whose encoding is the platform's."""
    found: list[tuple[int, str]] = []

    def visit(node: ast.AST, guarded: bool) -> None:
        if isinstance(node, ast.If | ast.IfExp) and any(word in ast.unparse(node.test) for word in ASKS):
            guarded = True
        if isinstance(node, ast.Try) and any(
            handler.type is None or any(name in ast.unparse(handler.type) for name in ("ImportError", "AttributeError"))
            for handler in node.handlers
        ):
            guarded = True
        if not guarded:
            found.extend((getattr(node, "lineno", 0), what) for what in posix_only(node))
        if isinstance(node, ast.Call):
            found.extend((node.lineno, what) for what in unsaid_encoding(node))
        for child in ast.iter_child_nodes(node):
            visit(child, guarded)

    visit(ast.parse(source), False)
    return found


def posix_only(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name in POSIX_MODULES]
    if isinstance(node, ast.ImportFrom):
        if node.module in POSIX_MODULES:
            return [node.module]
        return [f"{node.module}.{a.name}" for a in node.names if a.name in POSIX_NAMES.get(node.module or "", ())]
    if isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.attr in POSIX_NAMES.get(node.value.id, ()):
            return [f"{node.value.id}.{node.attr}"]
        if node.attr in POSIX_METHODS:
            return [node.attr]
    if isinstance(node, ast.keyword) and node.arg in ("preexec_fn", "start_new_session"):
        return [node.arg]
    return []


def unsaid_encoding(call: ast.Call) -> list[str]:
    """Reading or writing text without saying its encoding."""
    if any(keyword.arg in ("encoding", None) for keyword in call.keywords):
        return []
    if isinstance(call.func, ast.Attribute) and call.func.attr in TEXT_CALLS:
        # our own files.write_text is a function of its module, and says it
        return [] if len(call.args) > TEXT_CALLS[call.func.attr] else [call.func.attr]
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        given = [*call.args[1:], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
        modes = [str(one.value) for one in given if isinstance(one, ast.Constant)]
        return [] if any("b" in mode for mode in modes) else ["open"]
    return []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_platform_can_import_and_run_it(path: Path) -> None:
    assert trespasses(path.read_text(encoding="utf-8")) == []


def test_what_is_looked_for_is_found() -> None:
    source = (
        "import resource, os, signal\nos.fork()\nsignal.alarm(1)\nPath('a').read_text()\nopen('a', 'w')\n"
        "if os.name == 'posix':\n    os.getuid()\ntry:\n    import fcntl\nexcept ImportError:\n    pass\n"
        "getattr(os, 'O_NOFOLLOW', 0)\nopen('a', 'rb')\nPath('a').read_text(encoding='utf-8')\nwrite_text(p, 'a')\n"
    )
    assert [what for _, what in trespasses(source)] == ["resource", "os.fork", "signal.alarm", "read_text", "open"]


def test_the_repository_has_no_symlinks() -> None:
    """Windows checks them out as files that hold a path."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert [line for line in listed.stdout.splitlines() if line.startswith("120000")] == []


def test_no_two_files_differ_in_case_alone_and_no_name_is_reserved() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = listed.stdout.splitlines()
    assert len({name.lower() for name in names}) == len(names)
    assert [name for name in names if set(name) & set('<>:"|?*\\')] == []
    assert max(map(len, names)) < 140
