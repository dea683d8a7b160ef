"""YAML as every file of ours and of users is read: plain values alone, and no key twice in a mapping."""

from collections.abc import Hashable
from typing import Any

import yaml


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, not the last that counts."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._looked_at: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse equal keys as they are written; those that `<<` brings may be overridden."""
        if id(node) not in self._looked_at:
            self._looked_at.add(id(node))
            found: set[Hashable] = set()
            for key, _ in node.value:
                if key.tag == "tag:yaml.org,2002:merge":
                    continue
                name = self.construct_object(key, deep=True)
                if isinstance(name, Hashable) and name in found:
                    raise yaml.constructor.ConstructorError(None, None, f"{name} stands twice", key.start_mark)
                if isinstance(name, Hashable):
                    found.add(name)
        super().flatten_mapping(node)


def read_yaml(text: str) -> Any:
    """What a YAML text says.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML, asks for objects beyond plain values, holds a number or date that there is not, is nested
        too deeply, or a key stands twice in a mapping.
    """
    try:
        return yaml.load(text, Loader=_UniqueKeys)
    except ValueError as error:
        raise yaml.YAMLError(f"a value is no number or date, or is too long: {error}") from error
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
