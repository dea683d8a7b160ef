"""The signature beside every number: how exactly it was made.

Two numbers may be compared only if their signatures agree, as in sacreBLEU (Post, WMT 2018). A signature is one line of
`key:value` fields in a fixed order, e.g.
`rrgbench:1.0|corpus:iu-xray@3f2a|split:test|n:590|protocol:r2gen@1|labeler:rules@1|avg:macro|unc:pos|obs:14`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from rrgbench.errors import InputError

_LEADING: Final = ("rrgbench", "corpus", "split", "n", "protocol", "labeler", "avg", "unc", "obs")
_EXTRA: Final = (
    *(
        "tgt",
        "labels",
        "known",
        "fraction",
        "setting",
        "k",
        "seed",
        "section",
        "vocab",
        "tokens",
        "bleu",
        "cider_df",
        "allowed",
        "reads",
        "prompt",
        "extraction",
        "no_report",
        "bootstrap",
    ),
)
FIELDS: Final = (*_LEADING, *_EXTRA)
"""Fields that signatures may have, in their order; tasks and plug-ins add others."""
OF_MODEL: Final = ("prompt", "extraction", "no_report", "classifier", "reads", "allowed")
"""Fields that say how a model was asked and read, whose classifier it has, what it reads and leaves empty: all of it is
part of the model, and values of two models differ in them."""
_SHORT: Final = {"positive": "pos", "negative": "neg", "ignored": "ign"}
_LONG: Final = {short: long for long, short in _SHORT.items()}


@cache
def package_version() -> str:
    """First two numbers of the installed version; `source` where the package runs without being installed."""
    try:
        return ".".join(version("rrgbench").split(".")[:2])
    except PackageNotFoundError:
        return "source"


@dataclass(frozen=True)
class Signature:
    """Everything that decides a number, apart from the predictions.

    Attributes
    ----------
    corpus : str
        Name and digest of the references, e.g. `iu-xray@3f2a`.
    split : str
        Which part of the corpus.
    n : int
        Number of studies scored.
    protocol : str, optional
        Name and version of the protocol; None where no text is compared (AUROC, retrieval).
    labeler : str, optional
        Name and version of the labeler; None where the number needs no labels, like the next three.
    averaging, uncertain : str, optional
        As in `rrgbench.metrics.clinical_efficacy.ClinicalEfficacy`.
    observations : int, optional
        How many observations are compared.
    extras : tuple of (str, str)
        Further choices: `labels` (their source), `known` (labelled observations, where not all), `fraction`, `setting`,
        `k`, `seed`, `allowed` (what was allowed and how often it happened), `reads` (what the model read of a study),
        `prompt` and `extraction` (how it was asked, and its answer read), `no_report` (answers without a report that
        count as empty ones), `bootstrap`, and others by name. Kept in that order whatever order they are given in.
    version : str
        Of rrgbench.
    """

    corpus: str
    split: str
    n: int
    protocol: str | None = None
    labeler: str | None = None
    averaging: str | None = None
    uncertain: str | None = None
    observations: int | None = None
    extras: tuple[tuple[str, str], ...] = ()
    version: str = field(default_factory=package_version)

    def __post_init__(self) -> None:
        """Sort the extras and refuse what could not be read back."""
        names = [name for name, _ in self.extras]
        clashing = sorted({name for name in names if name in _LEADING or names.count(name) > 1})
        if clashing:
            raise InputError(f"signature fields {', '.join(clashing)} are given twice; each may stand once")
        object.__setattr__(self, "extras", tuple(sorted(self.extras, key=_rank)))
        for name, value in self.fields().items():
            if not value or not name or any(mark in name + value for mark in "|\n\r") or ":" in name:
                raise InputError(
                    f"signature field {name!r} is {value!r}; it must not be empty or hold '|' or line breaks"
                )

    def fields(self) -> dict[str, str]:
        """All fields in order, those that are None left out."""
        given = {
            "rrgbench": self.version,
            "corpus": self.corpus,
            "split": self.split,
            "n": str(self.n),
            "protocol": self.protocol,
            "labeler": self.labeler,
            "avg": self.averaging,
            "unc": None if self.uncertain is None else _SHORT.get(self.uncertain, self.uncertain),
            "obs": None if self.observations is None else str(self.observations),
            **dict(self.extras),
        }
        return {name: value for name, value in given.items() if value is not None}

    def __str__(self) -> str:
        """The one-line form."""
        return "|".join(f"{name}:{value}" for name, value in self.fields().items())

    def with_extras(self, **extras: object) -> "Signature":
        """The same with further fields; None leaves one out, a given name replaces an earlier one."""
        merged = {
            **dict(self.extras),
            **{name: None if value is None else str(value) for name, value in extras.items()},
        }
        return replace(self, extras=tuple((name, value) for name, value in merged.items() if value is not None))

    def differences(self, other: "Signature", ignoring: Iterable[str] = ()) -> dict[str, tuple[str, str]]:
        """Fields in which two signatures differ, with both values (`-` where a side lacks it)."""
        left, right = self.fields(), other.fields()
        names = sorted({*left, *right} - set(ignoring), key=lambda name: _rank((name, "")))
        pairs = {name: (left.get(name, "-"), right.get(name, "-")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def parse(text: str) -> Signature:
    """Read a signature back.

    Raises
    ------
    InputError
        If the line is not a signature.

    Examples
    --------
    >>> line = "rrgbench:1.0|corpus:iu-xray@3f2a|split:test|n:590|protocol:r2gen@1"
    >>> str(parse(line)) == line
    True
    """
    parts = [part.partition(":") for part in text.split("|")]
    fields = {name: value for name, _, value in parts}
    if len(fields) != len(parts) or not all(mark for _, mark, _ in parts):
        raise InputError(f"{text!r} is not a signature; expected different key:value fields separated by '|'")
    missing = [name for name in ("rrgbench", "corpus", "split", "n") if name not in fields]
    if missing:
        raise InputError(f"{text!r} is not a signature; it lacks {', '.join(missing)}")
    for name in ("n", "obs"):
        if name in fields and not fields[name].isdecimal():
            raise InputError(f"{text!r} is not a signature; {name} must be a whole number")
    uncertain = fields.get("unc")
    return Signature(
        corpus=fields["corpus"],
        split=fields["split"],
        n=int(fields["n"]),
        protocol=fields.get("protocol"),
        labeler=fields.get("labeler"),
        averaging=fields.get("avg"),
        uncertain=None if uncertain is None else _LONG.get(uncertain, uncertain),
        observations=int(fields["obs"]) if "obs" in fields else None,
        extras=tuple((name, value) for name, value in fields.items() if name not in _LEADING),
        version=fields["rrgbench"],
    )


def _rank(item: tuple[str, str]) -> tuple[int, str]:
    return (FIELDS.index(item[0]) if item[0] in FIELDS else len(FIELDS), item[0])
