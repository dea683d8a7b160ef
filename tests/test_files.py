"""Files are written whole; a link stays a link, and what is no file is not replaced by one."""

import os
import stat
import threading
from pathlib import Path

import pytest

from rrgbench.files import write_text


def test_a_link_stays_and_its_file_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    missing = tmp_path / "missing"
    link.unlink()
    link.symlink_to(missing)
    write_text(link, "first")
    assert missing.read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "missing", "target"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_a_pipe_takes_the_content_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "content")
    reader.join(60)
    assert read == ["content"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
