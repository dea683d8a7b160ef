"""Makes the pictures of `docs/gallery.md`: every figure of a run, as its page and `report --figures` draw it.

`python docs/pictures/gallery.py runs/dcrrg-6d-quick-phantom`; a figure that the run does not fill keeps its picture.
"""

import io
import sys
from pathlib import Path

from PIL import Image

from rrgbench.render.run_documents import figures_of
from rrgbench.runs.store import read_results

COLOURS = 64


def main(run: Path, folder: Path) -> None:
    """Draw each figure and keep few colours of it, so that the files stay small."""
    folder.mkdir(exist_ok=True)
    for figure in figures_of(run, read_results(run)):
        picture = Image.open(io.BytesIO(figure.file("png"))).convert("RGB")
        picture.quantize(COLOURS).save(folder / f"{figure.key}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).with_name("gallery"))
