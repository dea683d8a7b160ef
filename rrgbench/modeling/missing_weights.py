"""What is said where pretrained weights can't be had: a folder that is not there, or a hub that does not give them."""

from pathlib import Path

from rrgbench.errors import InputError, MissingPartError, RrgbenchError


def missing_weights(what: str, weights: str, error: Exception) -> RrgbenchError:
    """The error to raise: `InputError` of a path that is not there, else `MissingPartError`.

    Parameters
    ----------
    what : str
        Which weights, for the message: `BERT tokenizer`.
    weights : str
        A local folder or hub id.
    error : Exception
        The library's own.
    """
    path = Path(weights).expanduser()
    if (path.is_absolute() or weights.startswith(".")) and not path.exists():
        return InputError(f"no {what} at {weights!r}: there is no such folder")
    said = str(error).splitlines()[0]
    return MissingPartError(f"no {what} at {weights!r}: give a local folder or a reachable hub id ({said})")
