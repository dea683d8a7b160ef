"""Captions stay in the column of their film."""

import numpy as np

from rrgbench.render.contact_sheet import _LINE, _MARGIN, Tile, contact_sheet


def test_a_long_study_id_does_not_run_into_the_next_column() -> None:
    film = np.zeros((64, 64), dtype=np.uint8)
    tile = Tile("W" * 60, "test", "PA", film, "", ("Cardiomegaly",), (), "report", "")
    sheet = np.asarray(contact_sheet([tile, tile], size=64, columns=2))
    gap = sheet[64 + _MARGIN : 64 + _MARGIN + 2 * _LINE, 64 + _MARGIN : 64 + 2 * _MARGIN]
    assert gap.max() == 24
    assert sheet[64 + _MARGIN : 64 + _MARGIN + _LINE, _MARGIN:64].max() > 100
