"""Models out of Python files of the user's own: what they are called, and that edited code is another model."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from rrgbench.checkpoints import label
from rrgbench.errors import InputError, RrgbenchError
from rrgbench.files import named_by_content
from rrgbench.own_code import failure
from rrgbench.registry import Registry, make

OFFERS: Final = (
    "generate_reports",
    "predict_observations",
    "embed_images",
    "similarity",
    "report_losses",
    "describe",
    "backbone",
)
"""What a model may offer; one of them makes it a model."""

_NO_ANSWER: Final = frozenset({"device", "batch_size"})
"""Options that decide no answer."""


def make_own(models: Registry[Any], name: str, given: Mapping[str, Any]) -> Any:
    """What a file's class or function makes, with a name, and an identity that changes with its code and options.

    Parameters
    ----------
    models : Registry
        Of models.
    name : str
        `FILE.py:NAME`, with a title before it or not.
    given : mapping of str to object
        What the class or function is told.

    Returns
    -------
    Model
        What it made; its class is one below its own.

    Raises
    ------
    InputError
        If the file can't be imported, the model can't be made, or it offers nothing that can be evaluated.
    """
    code = models.own(name)
    if code is None:
        raise InputError(f"model {name} is no FILE.py:NAME")
    try:
        made = make(models, name, **given)
    except RrgbenchError:
        raise
    # what a user's class may raise has no common class
    except Exception as error:
        raise InputError(f"model {code} can't be made: {failure(error, code)}") from error
    kind = type(made)
    if not any(hasattr(kind, one) or one in getattr(made, "__dict__", {}) for one in OFFERS):
        gives = "" if kind.__name__ == code.name else f" gives something of type {kind.__name__}, which"
        raise InputError(
            f"model {code}{gives} is no model: it has none of generate_reports(images), predict_observations(images), "
            "embed_images(images) with embed_reports(texts), similarity, report_losses, describe, backbone "
            "(docs/models.md)"
        )
    decisive = {option: str(value) for option, value in given.items() if option not in _NO_ANSWER}
    told = {option: value and named_by_content(value) for option, value in decisive.items()}
    decides = json.dumps([code.digest, code.name, told], sort_keys=True)
    digest = hashlib.sha256(decides.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    attributes: dict[str, str] = {}
    if code.title or not getattr(made, "name", None):
        attributes["name"] = code.title or code.name
    if "checkpoint" in given and getattr(made, "checkpoint", None) is None:
        attributes["checkpoint"] = label(given["checkpoint"])
    try:
        for attribute, value in attributes.items():
            # a frozen dataclass is a model too
            object.__setattr__(made, attribute, value)
        made.__class__ = _below(kind, digest)
    except (AttributeError, TypeError) as error:
        raise InputError(f"model {code}: {kind.__name__} takes no attributes ({error}); drop its slots") from error
    return made


def _below(kind: type, digest: str) -> type:
    """A class below another one, the identities of whose instances hold a digest."""

    def identity(self: Any) -> str:
        its = getattr(self, "__dict__", {}).get("identity") or getattr(super(below, self), "identity", None)
        return f"{its}[code={digest}]" if its else f"{self.name}@{digest}"

    def keep(self: Any, given: str) -> None:
        vars(self)["identity"] = given

    def identity_on(self: Any, corpus: object) -> str:
        return f"{super(below, self).identity_on(corpus)}[code={digest}]"

    members: dict[str, Any] = {"__slots__": (), "__module__": kind.__module__, "identity": property(identity, keep)}
    if hasattr(kind, "identity_on"):
        members["identity_on"] = identity_on
    below: Any = type(kind.__name__, (kind,), members)
    made: type = below
    return made
