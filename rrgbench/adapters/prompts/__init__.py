"""Prompts: what a model that is asked in words is told beside the films, a YAML file each beside this one.

`system` and `user` are Jinja templates. What a template names, the model reads, and its `Reads` say so:

- `views`: views of the study's films, in order; empty strings where unknown
- `indication`, `technique`, `comparison`, `history`: sections written before the film was read; empty where absent
- `prior_report`, `prior_views`: of the subject's previous examination, whose films follow the study's own
- `age`, `sex`: in years, `F` or `M`; empty where unknown
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rrgbench.data.examination import Examination, Film, Reads, Views
from rrgbench.errors import InputError, listed, problems
from rrgbench.files import read_regular
from rrgbench.registry import lookup
from rrgbench.yaml_text import read_yaml

SECTIONS: Final = ("indication", "technique", "comparison", "history")
"""Sections that a prompt may tell."""

PRIOR: Final = ("prior_report", "prior_views")
_KNOWN: Final = (*SECTIONS, *PRIOR, "views", "age", "sex")
_WORDS: Final = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)

Section = Literal["findings", "impression", "findings and impression"]
"""The part of a report that a prompt asks for."""


@dataclass(frozen=True, eq=False)
class Question:
    """What a model is asked of one study: words, and the films in order."""

    system: str
    user: str
    films: tuple[Film, ...]


class Prompt(BaseModel):
    """A prompt.

    Attributes
    ----------
    name : str
        As shown in signatures, with a digest of all the rest.
    section : str
        What it asks for; the rule that finds the report in the answer takes that part.
    views : {"all", "frontal"}
        Which films of the study are shown.
    system, user : str
        Jinja templates; an empty `system` gives no system message.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    section: Section
    views: Views = "all"
    system: str = ""
    user: str = Field(min_length=1)

    @field_validator("system", "user")
    @classmethod
    def _readable(cls, text: str) -> str:
        try:
            unknown = sorted(meta.find_undeclared_variables(_WORDS.parse(text)) - set(_KNOWN))
        except TemplateError as error:
            raise ValueError(f"is no Jinja template: {error}") from error
        if unknown:
            raise ValueError(f"names {listed(unknown)}; a prompt may name {', '.join(_KNOWN)}")
        return text

    @property
    def identity(self) -> str:
        """Name and the first 8 digits of the SHA-256 of everything else."""
        content = "\0".join((self.section, self.views, self.system, self.user))
        return f"{self.name}@{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    @cached_property
    def _named(self) -> set[str]:
        return meta.find_undeclared_variables(_WORDS.parse(f"{self.system}\n{self.user}"))

    def reads(self, size: int, views: Views | None = None) -> Reads:
        """What a model that is asked so reads of a study."""
        sections = tuple(name for name in SECTIONS if name in self._named)
        return Reads(size, views or self.views, sections=sections, prior=not self._named.isdisjoint(PRIOR))

    def ask(self, examination: Examination) -> Question:
        """The question about one study."""
        prior = examination.prior
        earlier: Sequence[Film] = prior.films if prior is not None else ()
        told: dict[str, Any] = {
            **{name: " ".join(examination.sections.get(name, "").split()) for name in SECTIONS},
            "views": [film.view for film in examination.films],
            "prior_report": " ".join((prior.report or "").split()) if prior is not None else "",
            "prior_views": [film.view for film in earlier],
            "age": "" if examination.age is None else examination.age,
            "sex": examination.sex,
        }
        system, user = (_WORDS.from_string(text).render(told).strip() for text in (self.system, self.user))
        return Question(system, user, (*examination.films, *earlier))


def prompt_names() -> list[str]:
    """The prompts that ship."""
    return sorted(path.name.removesuffix(".yaml") for path in _shipped().iterdir() if path.name.endswith(".yaml"))


def load_prompt(given: str | Path) -> Prompt:
    """A prompt by name or from a YAML file.

    Raises
    ------
    UnknownNameError
        If none is called so.
    InputError
        If the file is missing or says something else than a prompt.
    """
    name = str(given)
    if not name.endswith((".yaml", ".yml")):
        return _by_name(lookup("prompt", name, prompt_names()))
    try:
        text = read_regular(Path(name)).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"prompt {name} can't be read ({type(error).__name__}); give a YAML file or a name") from error
    return _read(text, name)


@cache
def _by_name(name: str) -> Prompt:
    return _read((_shipped() / f"{name}.yaml").read_text(encoding="utf-8"), name)


def _shipped() -> Any:
    return files("rrgbench.adapters.prompts")


def _read(text: str, where: str) -> Prompt:
    try:
        content = read_yaml(text)
        if not isinstance(content, dict):
            raise InputError(f"prompt {where} holds no keys; expected name, section and user")
        return Prompt(**content)
    except yaml.YAMLError as error:
        raise InputError(f"prompt {where} is no YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise InputError(f"prompt {where}: {problems(error)}") from None
