"""Scripts that another process imports: where a call belongs that starts processes of its own."""

from multiprocessing import current_process
from typing import Final

from rrgbench.errors import InputError

GUARD: Final = 'put the call under `if __name__ == "__main__":`, since another process imports this script'


def require_main_guard() -> None:
    """Refuse to work while another process imports the script that started it, which would wait for itself.

    Raises
    ------
    InputError
        Saying where the call belongs.
    """
    if getattr(current_process(), "_inheriting", False):
        raise InputError(GUARD)
