"""Films of a corpus beside each other, on one PNG sheet or on an HTML page with their reports and labels."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.render.escaping import templates
from rrgbench.render.html import png_uri

_MARGIN, _LINE, _LINES = 8, 15, 4


@dataclass(frozen=True)
class Tile:
    """One study as it is shown.

    Attributes
    ----------
    study_id, split, view : str
        What stands above the film.
    film : uint8 array (s, s) or None
        None for a study without film.
    problem : str
        Why the film can't be shown; empty if it can.
    positive, uncertain : tuple of str
        Observations by label.
    labels_source : str
        Who made the labels; empty if there are none.
    report : str or None
        Text of the target section.
    """

    study_id: str
    split: str
    view: str
    film: NDArray[np.uint8] | None
    problem: str
    positive: tuple[str, ...]
    uncertain: tuple[str, ...]
    labels_source: str
    report: str | None


def tile_of(study: Study, size: int) -> Tile:
    """Decode a study's first film at (size, size) and gather what is shown beside it.

    A film that can't be read is shown as such, because a preview is where one looks for it.
    """
    film, problem = None, ""
    if study.images:
        try:
            film = study.images[0].load(size)
        except InputError as error:
            problem = str(error)
    return Tile(
        study_id=study.study_id,
        split=study.split,
        view=study.images[0].view if study.images else "",
        film=film,
        problem=problem,
        positive=study.positive,
        uncertain=study.uncertain,
        labels_source=study.labels_source if study.labels is not None else "",
        report=study.report,
    )


def contact_sheet(tiles: Sequence[Tile], size: int, columns: int) -> Image.Image:
    """Lay tiles out on a dark sheet, each film with its study and its positive labels below.

    Parameters
    ----------
    tiles : sequence of Tile
        In reading order, at least one.
    size : int
        Side of the films in pixels.
    columns : int
        Films in a row.

    Returns
    -------
    PIL image of mode `L`
    """
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    step_x, step_y = size + _MARGIN, size + _MARGIN + _LINE * _LINES
    sheet = Image.new("L", (columns * step_x + _MARGIN, rows * step_y + _MARGIN), 24)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=12)
    letters = max(8, int(size / 6.3))
    for place, tile in enumerate(tiles):
        x, y = _MARGIN + place % columns * step_x, _MARGIN + place // columns * step_y
        if tile.film is None:
            pen.rectangle((x, y, x + size - 1, y + size - 1), outline=90)
            pen.text((x + 6, y + 6), "film can't be read" if tile.problem else "no film", fill=170, font=font)
        else:
            sheet.paste(Image.fromarray(tile.film), (x, y))
        labels = ", ".join((*tile.positive, *(f"{name}?" for name in tile.uncertain)))
        caption = [_clip(" ".join(filter(None, (tile.study_id, tile.view))), size, font)]
        caption += textwrap.wrap(labels or "no labels", letters, max_lines=_LINES - 1, placeholder=" ...")
        for number, line in enumerate(caption):
            pen.text((x, y + size + _LINE * number), _clip(line, size, font), fill=235 if number else 160, font=font)
    return sheet


def write_preview(
    folder: Path, title: str, subtitle: str, tiles: Sequence[Tile], size: int, columns: int
) -> tuple[Path, Path]:
    """Write `preview.png` and `preview.html` into a folder, which is made; see `contact_sheet` and `preview_page`."""
    folder.mkdir(parents=True, exist_ok=True)
    sheet, page = folder / "preview.png", folder / "preview.html"
    contact_sheet(tiles, size, columns).save(sheet)
    page.write_text(preview_page(title, subtitle, tiles), encoding="utf-8")
    return sheet, page


def preview_page(title: str, subtitle: str, tiles: Sequence[Tile]) -> str:
    """A standalone HTML page: films (embedded), labels, reports. Everything that comes from data is escaped."""
    shown = [(tile, "" if tile.film is None else png_uri(tile.film)) for tile in tiles]
    template = templates("rrgbench.render").get_template("preview.html.j2")
    return template.render(title=title, subtitle=subtitle, tiles=shown)


def _clip(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """A text cut to a width in pixels, an ellipsis where something was cut."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
