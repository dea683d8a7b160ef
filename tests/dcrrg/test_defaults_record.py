"""Every choice of a DCRRG preset has a row that says how its default was chosen; none further on test studies."""

from inspect import signature
from pathlib import Path

from dcrrg.configuration import DcrrgConfig, Preset

RECORD = Path(__file__).parents[2] / "leaderboards" / "measured" / "defaults.md"

SIZES = {
    *("text_encoder", "projection_width", "embedding_width", "decoder_width", "decoder_feed_forward"),
    *("max_description", "max_text", "decision_thresholds", "kwargs", "self"),
    *("model", "step1_image", "step1_text", "step2", "step3", "step4", "step4_full", "limit", "storage"),
}
"""What decides how much is trained and how long or nothing but files, and what training finds."""

CHOSEN_ON_TEST = {
    *("memory_prompts", "decoder_heads", "target_temperature"),
    "prompt_length",
}
"""Old sins; this set may only shrink."""


def rows():
    section = RECORD.read_text().split("## DCRRG")[1].split("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")
    ]
    return {name.strip("`"): by for name, _, by, _ in cells}


def test_every_choice_says_how_it_was_chosen():
    choices = ({*signature(DcrrgConfig.__init__).parameters} | {*Preset.model_fields}) - SIZES
    assert choices <= set(rows()), "a new choice needs a row in leaderboards/measured/defaults.md"
    assert set(rows().values()) <= {"paper", "convention", "validation", "no record", "**test**"}


def test_no_further_default_is_chosen_on_test_studies():
    assert {name for name, by in rows().items() if by == "**test**"} <= CHOSEN_ON_TEST
