"""Penn Treebank tokenization as pycocoevalcap does it before scoring, by the Java class it ships.

Some papers tokenize this way and some don't, which alone moves BLEU-1 by 0.03; so it is a protocol of its own. Unlike
pycocoevalcap's wrapper, text goes through a pipe instead of a file in the installed package, and characters that Java
takes for line ends become spaces, so that no line can shift to another report.
"""

import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rrgbench.errors import InputError, MissingPartError

_JAR = "stanford-corenlp-3.4.1.jar"
_LINE_ENDS = str.maketrans(dict.fromkeys("\n\r\x0b\x0c\x85\u2028\u2029", " "))


def missing_part() -> str:
    """What is lacking to tokenize, and how to get it; empty if nothing is."""
    if shutil.which("java") is None:
        return "PTB tokenization needs Java, e.g. apt install default-jre-headless"
    if _jar() is None:
        return "PTB tokenization needs the package pycocoevalcap: pip install pycocoevalcap"
    return ""


def ptb_tokens(reports: Sequence[str]) -> list[str]:
    """Tokenize, lower-case and drop punctuation as pycocoevalcap's `PTBTokenizer`.

    Parameters
    ----------
    reports : sequence of str
        Texts.

    Returns
    -------
    list of str
        Tokens of each, separated by single spaces.

    Raises
    ------
    MissingPartError
        If Java or pycocoevalcap is missing.
    InputError
        If Java's tokenizer fails, or answers with another number of lines.
    """
    lacking, jar = missing_part(), _jar()
    if lacking or jar is None:
        raise MissingPartError(lacking)
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    lines = "".join(f"{report.translate(_LINE_ENDS)}\n" for report in reports)
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
    done = subprocess.run(
        [*command, "-preserveLines", "-lowerCase"],
        input=lines.encode("utf-8", "replace"),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise InputError(f"Java's PTB tokenizer failed with exit code {done.returncode}; is `java` working?")
    found = done.stdout.decode("utf-8", "replace").removesuffix("\n").split("\n")
    if len(found) != len(reports):
        raise InputError(f"Java's PTB tokenizer gave {len(found)} lines for {len(reports)} texts; nothing was scored")
    dropped = set(PUNCTUATIONS)
    return [" ".join(word for word in line.rstrip().split(" ") if word not in dropped) for line in found]


def _jar() -> Path | None:
    package = find_spec("pycocoevalcap")
    if package is None or package.submodule_search_locations is None:
        return None
    path = Path(package.submodule_search_locations[0]) / "tokenizer" / _JAR
    return path if path.is_file() else None
