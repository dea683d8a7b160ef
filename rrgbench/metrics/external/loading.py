"""Metrics of other packages by name (entry-point group `rrgbench.metrics`)."""

import inspect
import math
import sys
from contextlib import redirect_stdout
from typing import Final

from rrgbench.errors import InputError, MissingPartError, RrgbenchError, listed
from rrgbench.files import named_by_content
from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.external.plug_in import ExternalMetric, Loaded, PlugIn, Scorer
from rrgbench.own_code import OwnCode, own_code
from rrgbench.registry import Registry

PLUG_INS: Final[Registry[PlugIn]] = Registry("plug-in metric", "rrgbench.metrics", PlugIn)


def plug_in_metrics() -> dict[str, PlugIn]:
    """Metrics of other packages by name, installed or not; nothing of those packages is imported."""
    return PLUG_INS.everything()


def about_plug_in(name: str) -> str:
    """What a plug-in gives, which package does its work and what it needs; or why that can't be said."""
    try:
        found = PLUG_INS.load(name)
    except MissingPartError as error:
        return str(error)
    state = f"{found.package} {found.installed}" if found.installed else f"not installed: {found.get}"
    given = [one.about if one.key == name else f"{one.key}: {one.about}" for one in found.entries]
    return "; ".join([*given, state, *([f"weights: {found.weights}"] if found.weights else [])])


def load_metric(name: str | PlugIn, **options: str | float) -> ExternalMetric:
    """Load a metric that another package owns, for `rrgbench.score` and `rrgbench.compare`.

    Parameters
    ----------
    name : str or PlugIn
        A registered name (`rrgbench list metrics`), e.g. `bertscore`; or a plug-in that no package registers, which is
        then called by its first entry's key; or `FILE.py:NAME`, such a plug-in or a scorer in a Python file.
    **options : str, int, float or bool
        The plug-in's options, e.g. `model` for a hub id or local folder of weights (`docs/metrics.md`). The plug-in
        gets them as text, as from the command line: 2 as "2", True as "true".

    Returns
    -------
    ExternalMetric
        To be given among `metrics`; its weights stay loaded as long as it lives.

    Raises
    ------
    UnknownNameError
        If no such metric is registered.
    InputError
        If it has no such option, or a file does not hold it.
    MissingPartError
        If its package isn't installed or can't load its weights; the message says how to get them.
    """
    own = own_code(name) if isinstance(name, str) else None
    if own is not None:
        name = _of_file(own)
    if isinstance(name, PlugIn):
        plug_in, name = name, name.entries[0].key
    else:
        plug_in = PLUG_INS.load(name)
    taken = list(inspect.signature(plug_in.load).parameters)
    unknown = [option for option in options if option not in taken]
    if unknown:
        raise InputError(f"metric {name} has no option {listed(unknown)}; it has {listed(taken) or 'none'}")
    weights = f"; weights: {plug_in.weights}" if plug_in.weights else ""
    if not plug_in.installed:
        raise MissingPartError(
            f"metric {name} needs the package {plug_in.package}, which isn't installed; get it: {plug_in.get}{weights}"
        )
    package = f"{plug_in.package}@{plug_in.installed}"
    if own is not None:
        package = f"{own.path.name}@{own.digest}+{package}"
    try:
        with redirect_stdout(sys.stderr):
            loaded = plug_in.load(**{key: _as_text(value) for key, value in options.items()})
    except RrgbenchError:
        raise
    # What packages raise when weights are not available has no common class; RadGraph's raises Exception itself.
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise MissingPartError(f"metric {name} can't be loaded by {package} ({reason}){weights}") from error
    settings = ",".join(f"{key}={named_by_content(value)}" for key, value in loaded.settings.items())
    return ExternalMetric(name, plug_in, loaded.score, f"{package}({settings})" if settings else package)


def _of_file(code: OwnCode) -> PlugIn:
    """A plug-in in a user's file, or one of a scorer there, of whose values nothing is known."""
    found = code.load("metric")
    if isinstance(found, PlugIn):
        return found
    entry = Entry(code.name, code.title or code.name, "plug-in", -math.inf, math.inf, "")
    score: Scorer = code.loader("metric")
    return PlugIn((entry,), lambda: Loaded(score), "rrgbench", "pip install rrgbench")


def _as_text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
