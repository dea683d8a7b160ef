"""Values of YAML files checked by type, where a switch is no number: YAML's `true` would be read as 1."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationInfo, field_validator


class CheckedValues(BaseModel):
    """A model whose numbers and texts are never given as true or false."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, given: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[info.field_name or ""].annotation
        if _holds_switch(given) and not _takes_switch(annotation):
            raise ValueError("expected a number or a text, not true or false")
        return given


def _holds_switch(given: Any) -> bool:
    return isinstance(given, bool) or (isinstance(given, list | tuple) and any(map(_holds_switch, given)))


def _takes_switch(annotation: Any) -> bool:
    return annotation in (bool, Any, object) or any(map(_takes_switch, get_args(annotation)))
