"""What a Python file of the user's own holds, as `FILE.py:NAME`; no package and no entry point is needed.

A file is imported as a module below this one, whose name says where the file lies and what it said: a worker process
that is sent a thing out of it finds the same file again, and one that was changed meanwhile is refused.
"""

import ast
import hashlib
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from rrgbench.errors import InputError, RrgbenchError, meant

__path__: list[str] = []
"""Python imports modules below this one only if it looks like a package."""

_WRITTEN: Final = re.compile(
    r"(?:(?P<title>[^=:/\\]+)=)?(?P<file>[^=]*?\.py)(?::(?P<name>[^\W\d]\w*)(?:=(?P<with>.*))?)?"
)


@dataclass(frozen=True)
class OwnCode:
    """Something that a Python file holds.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        What it is called there; empty where that is not said.
    title : str
        What the user calls it, `TITLE=FILE.py:NAME`; empty if nothing.
    """

    path: Path
    name: str
    title: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.name}" if self.name else str(self.path)

    @property
    def files(self) -> list[Path]:
        """The file and those beside it that it imports, and so on."""
        return _files(self.path)

    @property
    def digest(self) -> str:
        """12 hex digits that change with what any of `files` says."""
        return _digest(self.path)

    def check(self, kind: str) -> None:
        """Refuse a file that is not there, or of which nothing is named; nothing is imported.

        Raises
        ------
        InputError
            Naming the file.
        """
        if not self.path.is_file():
            raise InputError(f"{kind} {self}: there is no file {self.path} ({Path.cwd()} is the working folder)")
        if not self.name:
            raise InputError(f"{kind} {self}: say which class or function of the file is meant, as {self.path}:NAME")

    def load(self, kind: str) -> Any:
        """What the file holds by the name.

        Raises
        ------
        InputError
            If there is no such file or no such name in it, or the file fails as it is imported.
        """
        self.check(kind)
        try:
            module = import_module(f"{__name__}.{_module(self.path)}")
        except RrgbenchError:
            raise
        # what a file may raise has no common class; one without a main guard may even end
        except (Exception, SystemExit) as error:
            raise InputError(f"{kind} {self}: the file fails as it is imported: {failure(error, self)}") from error
        if not hasattr(module, self.name):
            known = [name for name, what in vars(module).items() if _own(what, module)]
            raise InputError(f"{kind} {self}: {self.path.name} holds no {self.name}; {meant(self.name, known)}")
        return getattr(module, self.name)

    def loader(self, kind: str) -> Any:
        """As `load`, of what makes something: a class or a function.

        Raises
        ------
        InputError
            If it is neither.
        """
        found = self.load(kind)
        if not (inspect.isclass(found) or inspect.isroutine(found) or isinstance(found, partial)):
            raise InputError(
                f"{kind} {self} is of type {type(found).__name__}; expected a class, or a function that gives a {kind}"
            )
        return found


def own_code(written: str) -> OwnCode | None:
    """What `FILE.py:NAME`, or `TITLE=FILE.py:NAME`, means; None for a name of another form.

    Examples
    --------
    >>> own_code("mine=work/mine.py:Mine")
    OwnCode(path=PosixPath('work/mine.py'), name='Mine', title='mine')
    >>> own_code("hf:org/model") is None
    True
    """
    parts = _WRITTEN.fullmatch(written)
    if parts is None or parts["with"] is not None:
        return None
    return OwnCode(Path(parts["file"]).expanduser(), parts["name"] or "", parts["title"] or "")


def split_behind(written: str) -> tuple[str, str] | None:
    """`FILE.py:NAME=MORE` in its two parts, with a title before it or not; None where nothing stands behind."""
    parts = _WRITTEN.fullmatch(written)
    return None if parts is None or parts["with"] is None else (written[: parts.start("with") - 1], parts["with"])


def failure(error: BaseException, code: OwnCode) -> str:
    """How a user's file failed: the type of the error, its line in the file or one beside it, and its first line."""
    place, trace, folder = "", error.__traceback__, str(code.path.resolve().parent)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if Path(file).parent == Path(folder):
            place = f" in line {trace.tb_lineno} of {Path(file).name}"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        place = f" in line {error.lineno} of {Path(error.filename).name}"
    said = (error.msg if isinstance(error, SyntaxError) else str(error)).strip().partition("\n")[0][:200]
    return f"{type(error).__name__}{place}{f': {said}' if said else ''}"


def _own(what: object, module: ModuleType) -> bool:
    return getattr(what, "__module__", None) == module.__name__ and hasattr(what, "__qualname__")


def _module(path: Path) -> str:
    """A module's name that says where a file lies and what it and those beside it say."""
    return f"_{_digest(path)}_{str(path.resolve()).encode().hex()}"


def _digest(path: Path) -> str:
    content = hashlib.sha256()
    for file in _files(path):
        content.update(file.relative_to(path.parent).as_posix().encode() + b"\0" if file != path else b"")
        content.update(hashlib.sha256(file.read_bytes()).digest())
    return content.hexdigest()[:12]


def _files(path: Path) -> list[Path]:
    """A file and those beside it that it imports, and so on, those of packages whole."""
    found, waiting = [path], [path]
    while waiting:
        for name in _imported(waiting.pop()):
            beside = path.parent / f"{name}.py"
            package = path.parent / name
            files = [beside] if beside.is_file() else sorted(package.rglob("*.py")) if package.is_dir() else []
            new = [file for file in files if file not in found]
            found += new
            waiting += new
    return [path, *sorted(found[1:])]


def _imported(path: Path) -> Iterator[str]:
    """First parts of the modules that a file imports, and that may lie beside it."""
    try:
        tree = ast.parse(path.read_bytes())
    # whoever imports it says what is wrong
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
        else:
            continue
        tops = {name.partition(".")[0] for name in names}
        yield from sorted(tops - sys.stdlib_module_names - {"rrgbench"})


class _Source(SourceFileLoader):
    """Compiles a file as it lies there: a kept compilation may be of an earlier text of the same second."""

    def get_code(self, fullname: str) -> CodeType:
        """The file's code."""
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Import the file with its folder searched first; afterwards last, for what functions import."""
        folder = str(Path(self.path).parent)
        _refuse_namesakes(Path(self.path))
        known = folder in sys.path
        if not known:
            sys.path.insert(0, folder)
        try:
            super().exec_module(module)
        finally:
            if not known:
                sys.path.remove(folder)
                sys.path.append(folder)


def _refuse_namesakes(path: Path) -> None:
    """Refuse a module beside the file that has the name of another one that is in memory, which would be taken for it.

    Raises
    ------
    InputError
        Naming both.
    """
    for file in _files(path)[1:]:
        name = ".".join(file.relative_to(path.parent).with_suffix("").parts).removesuffix(".__init__")
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if loaded is not None and Path(loaded).resolve() != file.resolve():
            raise InputError(f"{path} imports {file.name} beside it, but {name} is {loaded} here; rename the file")


class _Finder(MetaPathFinder):
    """Finds the file that the name of a module below this one tells."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module comes from; None for those of others."""
        parent, _, name = fullname.rpartition(".")
        if parent != __name__:
            return None
        file = Path(bytes.fromhex(name.rpartition("_")[2]).decode())
        if not file.is_file() or _module(file) != name:
            raise ImportError(f"{file} is not there, or was changed while a command ran that uses it")
        # as a package, so that the file may import others as `from .beside import ...`
        folder = [str(file.parent)]
        return spec_from_file_location(
            fullname, file, loader=_Source(fullname, str(file)), submodule_search_locations=folder
        )


sys.meta_path.append(_Finder())
