"""A judge's prompt: a YAML file beside this module, pinned by version and digest."""

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from rrgbench.yaml_text import read_yaml


class Prompt(BaseModel):
    """What a judge is asked.

    Attributes
    ----------
    name, version : str, int
        The version rises whenever the words do.
    source : str
        The description that it was written from.
    system, user : str
        The messages; `[[reference]]`, `[[report]]` and the like are replaced by texts.
    settings : dict
        Fields of the request.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: int
    source: str
    system: str
    user: str
    settings: dict[str, Any]

    @property
    def identity(self) -> str:
        """`name@version#digest` for signatures; the digest is of the words and the settings."""
        words = json.dumps([self.system, self.user, self.settings], sort_keys=True)
        return f"{self.name}@{self.version}#{hashlib.sha256(words.encode()).hexdigest()[:8]}"

    def messages(self, **texts: str) -> list[dict[str, str]]:
        """The chat about some texts; what stands in a text is never taken for a placeholder."""
        parts = self.user.split("[[")
        user = parts[0]
        for part in parts[1:]:
            name, _, rest = part.partition("]]")
            user += texts[name] + rest
        return [{"role": "system", "content": self.system.strip()}, {"role": "user", "content": user.strip()}]


@cache
def load_prompt(name: str) -> Prompt:
    """A prompt that ships."""
    return Prompt.model_validate(read_yaml((files(__package__) / "prompts" / f"{name}.yaml").read_text("utf-8")))
