"""Names of whatever can be added to rrgbench: one generic registry over entry points.

A third party's package joins by an entry point of its own, in the groups that the registries name; nothing is imported
before it is asked for.
"""

import logging
import re
import sys
from collections.abc import Callable, Collection, Container, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, signature
from typing import Any, Final, Generic, TypeVar

from rrgbench.described import first_line
from rrgbench.errors import InputError, MissingPartError, UnknownNameError, listed, meant, problems
from rrgbench.own_code import OwnCode, own_code

T = TypeVar("T")

_PYTHON: Final = re.compile(r"\.py(:|$)")

_log = logging.getLogger(__name__)


class Registry(Generic[T]):
    """Things of one kind by name.

    Parameters
    ----------
    kind : str
        What they are, as messages say it, e.g. `model`.
    group : str
        Their entry-point group, e.g. `rrgbench.models`.
    of : type, optional
        What each of them is an instance of.
    from_files : bool
        Whether `FILE.py:NAME` (`rrgbench.own_code`) is one of them too.
    """

    def __init__(self, kind: str, group: str, of: type[T] | None = None, *, from_files: bool = False) -> None:
        self.kind, self.group, self.of, self.from_files = kind, group, of, from_files

    @property
    def _points(self) -> dict[str, tuple[EntryPoint, ...]]:
        """Entry points by name, several where packages disagree; read anew where other places are searched."""
        return _by_name(self.group, tuple(sys.path))

    def _point(self, name: str) -> EntryPoint:
        """The one entry point of a name.

        Raises
        ------
        UnknownNameError
            If nothing is registered under it.
        InputError
            If two packages register different things under it.
        """
        first, *others = self._points[lookup(self.kind, name, self._points)]
        if others:
            raise self._twice(name, [_place(point) for point in (first, *others)])
        return first

    def refuse_double(self, name: str, shipped: Container[str]) -> None:
        """Refuse a name that ships otherwise than by an entry point, if a package registers it too.

        Raises
        ------
        InputError
            Naming both.
        """
        if name in shipped and name in self._points:
            raise self._twice(name, ["rrgbench itself", *(_place(point) for point in self._points[name])])

    def _twice(self, name: str, places: Iterable[str]) -> InputError:
        return InputError(
            f"{self.kind} {name!r} is registered by {' and by '.join(places)}; which one is meant is not known: "
            "uninstall a package, or rename its entry point"
        )

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return list(self._points)

    def own(self, name: object) -> OwnCode | None:
        """What a name says of a Python file of the user's; None for other names."""
        text = name if self.from_files and isinstance(name, str) else ""
        return None if text.partition(":")[0] in self else own_code(text)

    def check(self, name: str, also: Iterable[str] = ()) -> None:
        """Refuse a name, with or without an argument, that nothing has; nothing is imported.

        Parameters
        ----------
        name : str
            As `make` takes it.
        also : iterable of str
            Names that are known beside those registered.

        Raises
        ------
        UnknownNameError
            With the nearest known name.
        InputError
            If it is a file that is not there, or nothing in it is named.
        """
        if (own := self.own(name)) is not None:
            own.check(self.kind)
        else:
            lookup(self.kind, split_argument(self, name)[0], [*self.names(), *also])

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def load(self, name: str) -> T:
        """What is registered under a name.

        Raises
        ------
        UnknownNameError
            If nothing is, with the nearest known name.
        InputError
            If two packages register different things under it, naming both.
        MissingPartError
            If the package that registered it can't be imported, or registered something else.
        """
        if (own := self.own(name)) is not None:
            made: T = own.loader(self.kind)
            return made
        point = self._point(name)
        try:
            loaded: T = point.load()
        # what another package's module raises has no common class, and is no defect of ours
        except Exception as error:
            if not self.foreign(name) and not isinstance(error, ImportError | AttributeError):
                raise
            from pydantic import ValidationError

            said = problems(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
            reason = f"{type(error).__name__}: {said}"
            raise MissingPartError(f"{self.kind} {name} of {self.origin(name)} can't be loaded: {reason}") from error
        if self.of is not None and not isinstance(loaded, self.of):
            given, expected = type(loaded).__name__, self.of.__name__
            raise MissingPartError(
                f"{self.kind} {name} of {self.origin(name)} can't be loaded: {point.value} is of type {given}; "
                f"expected {expected}"
            )
        return loaded

    def everything(self) -> dict[str, T]:
        """All that can be loaded, by name; what another package brings and breaks is told in the log and left out."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.load(name)
            except (MissingPartError, InputError) as error:
                if not self.foreign(name):
                    raise
                _log.warning("%s", error)
        return found

    def module(self, name: str) -> str:
        """The module that a name's entry point names; it is not imported."""
        return self._point(name).module

    def origin(self, name: str) -> str:
        """The distribution that registered a name, with its version; all of them where several did."""
        return " and ".join(_origin(point) for point in self._points[lookup(self.kind, name, self._points)])

    def about(self, name: str) -> str:
        """What it says of itself in a line, without being imported; empty where it says nothing, or two do."""
        points = self._points[lookup(self.kind, name, self._points)]
        if len(points) > 1:
            return ""
        alone = sum(point.module == points[0].module for found in self._points.values() for point in found) == 1
        line = first_line(points[0].module, points[0].attr, alone)
        said, colon, rest = line.partition(": ")
        # "Task: 5x200 retrieval" and "A model: it writes ..." need not say once more what is listed
        return rest if colon and said.lower().removeprefix("a ").removeprefix("an ") == self.kind else line

    def foreign(self, name: str) -> str:
        """`origin` of what another package brings; empty for what ships with rrgbench alone."""
        points = self._points.get(name, ())
        ours = all(point.dist is not None and point.dist.name == "rrgbench" for point in points)
        return "" if ours else self.origin(name)


@cache
def _by_name(group: str, places: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    """The entry points of a group that are found in some places, by name."""
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in sorted(_installed(places).select(group=group), key=lambda point: point.name):
        first = found.setdefault(point.name, {}).setdefault(point.value, point)
        # whose it is stands in another file of its package: read only where two packages say the same
        if first is not point and _origin(point) < _origin(first):
            found[point.name][point.value] = point
    return {name: _in_order(points.values()) for name, points in found.items()}


@cache
def _installed(_places: tuple[str, ...]) -> Any:
    """All entry points, read once for all groups, because every reading opens every installed package."""
    return entry_points()


def _in_order(points: Collection[EntryPoint]) -> tuple[EntryPoint, ...]:
    """By whose they are, where there are several."""
    return tuple(points if len(points) == 1 else sorted(points, key=_origin))


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


def foreign_package(module: str) -> str:
    """The distribution beside rrgbench that registers something and holds a module, with its version; empty if none."""
    top, installed = module.partition(".")[0], _installed(tuple(sys.path))
    for group in (name for name in installed.groups if name.startswith("rrgbench.")):
        for point in installed.select(group=group):
            beside = point.dist is None or point.dist.name != "rrgbench"
            if beside and point.module.partition(".")[0] == top:
                return _origin(point)
    return ""


def _place(point: EntryPoint) -> str:
    return f"{_origin(point)} ({point.value})" if point.dist is not None else point.value


def split_argument(registry: Registry[T], name: str) -> tuple[str, str]:
    """A registered name and what stands behind its first colon: `hf:org/model` is `hf` and `org/model`."""
    plain, colon, argument = _text(registry.kind, name).partition(":")
    return (plain, argument) if colon and name not in registry and plain in registry else (name, "")


def parameters(registry: Registry[Callable[..., T]], name: str) -> dict[str, Parameter]:
    """What the loader of a name, with or without an argument, takes, by the parameters' names.

    Raises
    ------
    UnknownNameError
        If no such name is registered.
    MissingPartError
        If what is registered under it makes nothing.
    """
    plain = split_argument(registry, name)[0]
    loader = registry.load(plain)
    if not callable(loader):
        raise MissingPartError(
            f"{registry.kind} {plain} of {registry.origin(plain)} can't be loaded: its entry point names a "
            f"{type(loader).__name__}; expected a function, or a class, that returns the {registry.kind}"
        )
    return dict(signature(loader).parameters)


def make(registry: Registry[Callable[..., T]], name: str, /, **options: Any) -> T:
    """What the loader of a name makes.

    Parameters
    ----------
    registry : Registry
        Of loaders.
    name : str
        A registered name, or `NAME:ARGUMENT`, whose argument goes to the loader's first parameter.
    **options
        Passed to the loader.

    Raises
    ------
    UnknownNameError
        If no such name is registered.
    InputError
        If the loader takes no argument or no such option, or lacks one that it needs.
    """
    plain, argument = split_argument(registry, name)
    loader = registry.load(plain)
    taken = parameters(registry, plain)
    if argument:
        first = next(iter(taken.values()), None)
        if first is None or first.kind not in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
            raise InputError(f"{registry.kind} {plain} takes no argument; given: {name}")
        if first.name in options:
            raise InputError(f"{registry.kind} {name} is also given {first.name}; give one of them")
        options = {first.name: argument, **options}
    unknown = sorted(set(options) - set(taken))
    if unknown and all(one.kind is not Parameter.VAR_KEYWORD for one in taken.values()):
        raise InputError(
            f"{registry.kind} {plain} takes no {listed(unknown)}; it takes: {listed(taken, 12) or 'nothing'}"
        )
    open_ended = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    needed = [one.name for one in taken.values() if one.default is one.empty and one.kind not in open_ended]
    if lacking := [one for one in needed if one not in options]:
        example = f", e.g. {plain}:{lacking[0].upper()}" if lacking[0] == next(iter(taken)) else ""
        raise InputError(f"{registry.kind} {plain} needs {listed(lacking)}{example}")
    return loader(**options)


def lookup(kind: str, name: str, known: Iterable[str]) -> str:
    """The name itself if it is known.

    Raises
    ------
    UnknownNameError
        With the nearest known name, or all of them; of a file of Python, with how what is in it gets a name.
    """
    names = list(known)
    if _text(kind, name) in names:
        return name
    of_file = "code of your own gets a name by an entry point (CONTRIBUTING.md), or is given from Python"
    raise UnknownNameError(f"no {kind} is called {name!r}; {of_file if _PYTHON.search(name) else meant(name, names)}")


def _text(kind: str, name: object) -> str:
    if not isinstance(name, str):
        raise InputError(f"the name of a {kind} is a text; given: a {type(name).__name__}")
    return name
