"""What `import rrgbench` offers, and how a name that is not known is answered."""

import subprocess
import sys

import pytest

import rrgbench
from rrgbench.errors import ExitCode, RrgbenchError, UnknownNameError, exit_code


def test_a_fresh_interpreter_shows_the_public_names_and_loads_them() -> None:
    code = (
        "import rrgbench; assert dir(rrgbench) == sorted(rrgbench.__all__); "
        "print(rrgbench.labelers.load('rules').label(['no edema']).shape); "
        "[getattr(rrgbench, name) for name in dir(rrgbench)]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "(1, 14)\n"), done.stderr


def test_a_misspelt_name_of_the_package_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'load_corpora'; did you mean 'load_corpus'\?"):
        _ = rrgbench.load_corpora
    assert not hasattr(rrgbench, "import_modul")


def test_an_unknown_name_is_a_key_error_that_reads_like_a_message() -> None:
    error = UnknownNameError("no model is called 'x'")
    assert isinstance(error, KeyError)
    assert isinstance(error, RrgbenchError)
    assert str(error) == "no model is called 'x'"
    assert exit_code(error) is ExitCode.WRONG_INPUT


def test_scores_answer_a_misspelt_metric() -> None:
    scores = rrgbench.score(["heart is normal ."], ["heart is large ."], metrics=["bleu"], intervals=False)
    with pytest.raises(KeyError, match=r"^no metric is called 'blue_4'; did you mean 'bleu_4'\?$"):
        scores["blue_4"]
    assert scores.get("blue_4") is None
    assert "blue_4" not in scores
    assert "bleu_4" in scores
