"""The shell completes the values of options; what it offers is what the option takes."""

import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.models import MODELS
from rrgbench.training.trainers import TRAINERS, presets_of, trainer_names


def completed(line):
    """What bash is offered at the end of a line."""
    words = line.split(" ")
    asked = {"_RRGBENCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = CliRunner().invoke(app, [], prog_name="rrgbench", env=asked)
    assert done.exit_code == 0, done.output
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rrgbench eval --model most", ["most-frequent"]),
        ("rrgbench eval --model al", ["all"]),
        ("rrgbench explain --model al", []),
        ("rrgbench train --model medc", ["medclip"]),
        ("rrgbench train --model most", []),
        ("rrgbench claims --model dc", ["dcrrg"]),
        ("rrgbench eval --suite q", ["quick"]),
        ("rrgbench eval --corpus iu", ["iu-xray"]),
        ("rrgbench data stats --corpus phantom-", ["phantom-b", "phantom-followup", "phantom-hard"]),
        ("rrgbench eval --protocol r2", ["r2gen", "r2gen-mimic", "r2gengpt"]),
        ("rrgbench score --protocol r2", ["r2gen", "r2gen-mimic", "r2gengpt"]),
        ("rrgbench score --metrics bleu_1,ci", ["bleu_1,cider"]),
        ("rrgbench compare --metrics nl", ["nlg"]),
        ("rrgbench score --labeler chex", ["chexbert"]),
        ("rrgbench data stats --labeler chex", ["chexbert"]),
        ("rrgbench train --preset ab", ["ablation"]),
        ("rrgbench train --model r2gen --preset ab", []),
    ],
)
def test_values(line, offered) -> None:
    assert completed(line) == offered


def test_all_names_are_offered() -> None:
    assert completed("rrgbench explain --model ") == MODELS.names()


@pytest.mark.parametrize("model", trainer_names())
def test_presets_are_read_from_the_package_that_trains(model) -> None:
    assert {"mini", "tiny", "small", "paper"} <= set(presets_of(model))
    assert model in TRAINERS
