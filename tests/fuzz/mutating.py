"""Files changed as disks, editors and people change them."""

import random
from typing import Final

TOKENS: Final = (
    *(b'"', b",", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xe2\x80\xa8", b"[", b"{", b"]", b"}", b":", b"null", b"true"),
    *(b"-1", b"1e999", b"NaN", b"../../", b"/", b"\\", b"9" * 400, b" ", b"\t", b"<", b"&x;", b"=", b"train", b"\xc3"),
    *(
        b"\\ud800",
        b"9" * 5000,
        b"[" * 5000,
        b"\x1b[31m",
        b"!!python/object:os.system",
        b"&a",
        b"*a",
        b"<<:",
        b"0",
        b"''",
    ),
)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """One to four edits: cut, repeat, flip, insert, swap, truncate."""
    edited = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        length = len(edited)
        start = rng.randrange(length + 1)
        stop = min(length, start + rng.choice((1, 2, 8, 40, 400)))
        kind = rng.randrange(6)
        if kind == 0:
            del edited[start:stop]
        elif kind == 1:
            edited[start:start] = edited[start:stop] * rng.randint(1, 3)
        elif kind == 2 and length:
            edited[min(start, length - 1)] = rng.randrange(256)
        elif kind == 3:
            edited[start:start] = rng.choice(TOKENS)
        elif kind == 4:
            other = rng.randrange(length + 1)
            edited[start:stop] = edited[other : other + stop - start]
        else:
            del edited[start:]
    return bytes(edited)
