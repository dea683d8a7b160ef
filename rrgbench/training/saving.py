"""A disk that takes no more, said as the system says it whichever library writes."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def saving() -> Iterator[None]:
    """Turn errors of safetensors, tokenizers and PyTorch that come from the disk into the OSError that they were.

    Raises
    ------
    OSError
        With the system's number where the library passes it on, else EIO.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        words = str(error)
        if found := re.search(r"\(os error (\d+)\)", words):
            number = int(found[1])
        elif isinstance(error, RuntimeError) and re.search("PytorchStreamWriter|inline_container|basic_ios", words):
            number = errno.EIO
        else:
            raise
        raise OSError(number, f"a model can't be written: {os.strerror(number)}") from error
