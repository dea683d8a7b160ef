"""Corpora by name, and films of one beside the reports of another."""

from collections.abc import Callable, Mapping
from inspect import Parameter
from math import isfinite
from numbers import Integral
from pathlib import Path
from typing import Any, Final

from rrgbench.data.corpus import Corpus, command_words
from rrgbench.data.unpaired import combine
from rrgbench.errors import InputError, listed
from rrgbench.registry import Registry, parameters

CORPORA: Final[Registry[Callable[..., Corpus]]] = Registry("corpus", "rrgbench.corpora")
"""Readers by name; each is called as `load(root=..., **options)`."""


def load_corpus(
    name: str,
    /,
    root: str | Path | None = None,
    *,
    reports: str | None = None,
    reports_root: str | Path | None = None,
    reports_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Corpus:
    """Load a corpus by name, or films of one with the reports of another.

    Parameters
    ----------
    name : str
        A registered name (`rrgbench list corpora`).
    root : str or Path, optional
        Its folder in its official layout; generated corpora take none.
    reports, reports_root : str, str or Path, optional
        Name and folder of a second corpus whose reports stand beside the first one's films, unpaired.
    reports_options : mapping, optional
        Reader options of that second corpus.
    **options
        Reader options, see `docs/data.md`; one of them may be called `name`.

    Raises
    ------
    UnknownNameError
        If no such corpus is registered.
    InputError
        If its files are missing or malformed, or it takes no such option or not of this kind.
    """
    if reports is not None:
        of_reports = dict(reports_options or {})
        texts = load_corpus(reports, reports_root, **of_reports)
        combined = combine(load_corpus(name, root, **options), texts)
        return combined.loaded_by((name, reports), command_words(name, reports, options, of_reports))
    for flag, given in (("root", reports_root), ("option", reports_options)):
        if given:
            raise InputError(f"--reports-{flag} is given without --reports, so it is not known which corpus it is of")
    load = CORPORA.load(name)
    taken = parameters(CORPORA, name)
    any_taken = any(one.kind is Parameter.VAR_KEYWORD for one in taken.values())
    if not any_taken and (unknown := [option for option in options if option not in taken]):
        known = [option for option in taken if option != "root"]
        raise InputError(f"corpus {name} takes no {listed(unknown)}; it takes: {listed(known, 20) or 'no options'}")
    options = {option: _as_text(taken.get(option), given) for option, given in options.items()}
    _check_kinds(name, taken, options)
    # what is generated may have no folder to be asked for
    where = {} if root is None and "root" not in taken else {"root": None if root is None else Path(root)}
    if where and "root" not in taken and not any_taken:
        raise InputError(f"corpus {name} reads no folder; given: {root}")
    corpus: object = load(**where, **options)
    if not isinstance(corpus, Corpus):
        raise InputError(
            f"corpus {name} of {CORPORA.origin(name)}: its reader gave a {type(corpus).__name__}; expected a "
            "rrgbench.data.corpus.Corpus"
        )
    return corpus.loaded_by((name,), command_words(name, None, options))


def _check_kinds(name: str, taken: Mapping[str, Parameter], options: Mapping[str, object]) -> None:
    """Refuse for a switch what is neither true nor false, as `no` would switch it on, and for a number what is none."""
    for option, one in taken.items():
        if option not in options:
            continue
        given = options[option]
        if isinstance(one.default, bool) and given not in (True, False):
            raise InputError(f"corpus {name}: option {option} is true or false; given: {given!r}")
        whole = isinstance(one.default, int) and not isinstance(one.default, bool)
        if whole and (isinstance(given, bool) or not isinstance(given, Integral)):
            raise InputError(f"corpus {name}: option {option} is a whole number; given: {given!r}")
        number = isinstance(given, int | float) and not isinstance(given, bool) and isfinite(given)
        if isinstance(one.default, float) and not number:
            raise InputError(f"corpus {name}: option {option} is a number; given: {given!r}")


def _as_text(taken: Parameter | None, given: object) -> object:
    """What an option that holds a text is given as, 2024 as "2024": a command line reads digits as a number."""
    text = taken is not None and (isinstance(taken.default, str) or taken.annotation in (str, Path, *_TEXTS))
    return str(given) if text and isinstance(given, int | float) and not isinstance(given, bool) else given


_TEXTS: Final = (str | None, Path | None, str | Path, str | Path | None)
"""Annotations of options that hold texts."""


def takes_option(name: str, option: str) -> bool:
    """Whether a corpus's reader takes an option; generated corpora have no films to look for, say.

    Raises
    ------
    UnknownNameError
        If no such corpus is registered.
    """
    return option in parameters(CORPORA, name)
