"""How long work tells how far it has come."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then while something is done; `rrgbench.render.bars` shows it."""

    def __call__(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """Tell how far one piece of work has come.

        Parameters
        ----------
        what : str
            The piece of work, e.g. `reading films`.
        done : int
            How much of it is done.
        total : int or None
            How much there is, at least `done`; None where that isn't known.
        note : str
            What a person wants to know beside, e.g. a loss.
        """
        ...
