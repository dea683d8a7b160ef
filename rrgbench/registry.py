"""Names of whatever can be added to rrgbench: one generic registry over entry points.

A third party's package joins by an entry point of its own, in the groups that the registries name; nothing is imported
before it is asked for.
"""

import logging
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from rrgbench.errors import MissingPartError, UnknownNameError, meant

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Registry(Generic[T]):
    """Things of one kind by name.

    Parameters
    ----------
    kind : str
        What they are, as messages say it, e.g. `model`.
    group : str
        Their entry-point group, e.g. `rrgbench.models`.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind, self.group = kind, group
        self._read: tuple[tuple[str, ...], dict[str, EntryPoint]] = ((), {})

    @property
    def _points(self) -> dict[str, EntryPoint]:
        """Entry points by name; read anew only where other places are searched for packages."""
        if self._read[0] != tuple(sys.path):
            points = sorted(entry_points(group=self.group), key=lambda point: point.name)
            self._read = tuple(sys.path), {point.name: point for point in points}
        return self._read[1]

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return list(self._points)

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def load(self, name: str) -> T:
        """What is registered under a name.

        Raises
        ------
        UnknownNameError
            If nothing is, with the nearest known name.
        MissingPartError
            If the package that registered it can't be imported.
        """
        point = self._points[lookup(self.kind, name, self._points)]
        try:
            loaded: T = point.load()
        # what another package's module raises has no common class, and is no defect of ours
        except Exception as error:
            if not self.foreign(name) and not isinstance(error, ImportError | AttributeError):
                raise
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise MissingPartError(
                f"{self.kind} {name} of {self.origin(name) or point.value} can't be loaded: {reason}"
            ) from error
        return loaded

    def everything(self) -> dict[str, T]:
        """All that can be loaded, by name; what another package brings and breaks is told in the log and left out."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.load(name)
            except MissingPartError as error:
                if not self.foreign(name):
                    raise
                _log.warning("%s", error)
        return found

    def module(self, name: str) -> str:
        """The module that a name's entry point names; it is not imported."""
        return self._points[lookup(self.kind, name, self._points)].module

    def origin(self, name: str) -> str:
        """The distribution that registered a name, with its version; empty where it is not known."""
        point = self._points[lookup(self.kind, name, self._points)]
        return f"{point.dist.name} {point.dist.version}" if point.dist is not None else ""

    def foreign(self, name: str) -> str:
        """`origin` of what another package brings; empty for what ships with rrgbench."""
        found = self.origin(name) if name in self else ""
        return "" if found.partition(" ")[0] == "rrgbench" else found


def lookup(kind: str, name: str, known: Iterable[str]) -> str:
    """The name itself if it is known.

    Raises
    ------
    UnknownNameError
        With the nearest known name, or all of them.
    """
    names = list(known)
    if name in names:
        return name
    raise UnknownNameError(f"no {kind} is called {name!r}; {meant(name, names)}")
