"""Tables and films as HTML that is complete in itself: no script, no font, no image from elsewhere."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.render.escaping import templates
from rrgbench.render.table import Table, header_groups, interval_text, new_group, value_text


def html_document(tables: Sequence[Table], title: str, lines: Sequence[str] = ()) -> str:
    """A page of tables, escaped, readable on a phone and in the dark."""
    return rendered("report.html.j2", tables=tables, title=title, lines=lines)


def html_fragment(tables: Sequence[Table], title: str = "", lines: Sequence[str] = ()) -> str:
    """Tables as a notebook shows them, escaped; signatures are folded."""
    return rendered("fragment.html.j2", tables=tables, title=title, lines=lines, film="", text=None)


def film_fragment(
    film: NDArray[np.uint8] | None, text: str | None, title: str, lines: Sequence[str], side: int = 256
) -> str:
    """A film and a text side by side as a notebook shows them, escaped.

    Parameters
    ----------
    film : uint8 array (s, s) or None
        None where there is none, or it can't be read.
    text : str or None
        A report.
    title : str
        What stands above.
    lines : sequence of str
        What stands below the text.
    side : int
        Side of the film as it is shown, in pixels.
    """
    image = "" if film is None else png_uri(film)
    return rendered("fragment.html.j2", tables=(), title=title, lines=lines, film=image, text=text or "", side=side)


def png_uri(film: NDArray[np.uint8]) -> str:
    """A grey film (s, s) as a `data:` address that a page takes for an image."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(film).save(stream, format="PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def table_functions() -> dict[str, Any]:
    """What templates call that include `table.html.j2`."""
    return {
        "groups": lambda table: header_groups(table.columns),
        "value": value_text,
        "interval": interval_text,
        "new_group": new_group,
        "sign": lambda signature: "",
    }


def rendered(template: str, **content: Any) -> str:
    """A page of this room's templates."""
    return templates("rrgbench.render").get_template(template).render(**{**table_functions(), **content})
