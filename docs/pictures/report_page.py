"""Makes `report_page.png`: the top of a run's page, by a headless Chromium.

`rrgbench eval --suite quick`, then `python docs/pictures/report_page.py runs/dcrrg-6d-quick-phantom/report.html`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT, COLOURS = 960, 660, 64


def main(page: Path, picture: Path) -> None:
    """Draw the page and keep few colours of it, so that the file stays small."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        raise SystemExit("no Chromium on this machine")
    size = f"--window-size={WIDTH},{HEIGHT}"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-prefers-reduced-motion")
    subprocess.run([browser, *options, size, f"--screenshot={picture}", page.resolve().as_uri()], check=True)
    Image.open(picture).convert("RGB").quantize(COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).with_name("report_page.png"))
