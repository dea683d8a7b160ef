"""What is written with commas: several names in one option."""


def comma_list(given: str | None, flag: str) -> list[str] | None:
    """The names of a text; None where the option is not given.

    Parameters
    ----------
    given : str, optional
        As given.
    flag : str
        Whose they are, for messages.

    Raises
    ------
    InputError
        If a name is empty: an unset variable of a script must not mean all.
    """
    from rrgbench.errors import InputError

    if given is None:
        return None
    names = [name.strip() for name in given.split(",")]
    if not all(names):
        raise InputError(f"{flag} {given!r} holds an empty name; leave {flag} out for what it is without it")
    return names
