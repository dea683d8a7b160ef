"""Prompts: what they tell, what they make a model read, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from rrgbench.adapters.prompts import Prompt, load_prompt, prompt_names
from rrgbench.data.examination import Examination, Film, Reads
from rrgbench.errors import InputError, UnknownNameError


def film(view: str = "") -> Film:
    return Film(np.zeros((4, 4), np.uint8), view)


ALONE = Examination("s1", (film("PA"),))
FULL = Examination(
    "s2",
    (film("PA"), film("LATERAL")),
    {"indication": "Chest pain\nand cough.", "technique": "PA and lateral."},
    Examination("s1", (film("AP"),), report="No effusion ."),
    age=61,
    sex="F",
)


@pytest.mark.parametrize("name", prompt_names())
@pytest.mark.parametrize("one", [ALONE, FULL], ids=["one film", "everything"])
def test_shipped_prompts_can_be_asked_of_any_study(name: str, one: Examination) -> None:
    asked = load_prompt(name).ask(one)
    assert asked.user
    assert "  " not in asked.user
    assert "\n\n" not in asked.user
    assert "{" not in asked.user + asked.system


def test_the_default_reads_every_film_and_no_words() -> None:
    assert load_prompt("findings").reads(224) == Reads(224, "all")
    assert load_prompt("findings").reads(224, "frontal") == Reads(224, "frontal")
    assert load_prompt("findings").section == "findings"
    assert load_prompt("findings-and-impression").section == "findings and impression"


def test_what_a_prompt_names_is_read_and_told() -> None:
    prompt = load_prompt("findings-in-context")
    assert prompt.reads(64) == Reads(64, "all", sections=("indication", "technique", "history"), prior=True)
    asked = prompt.ask(FULL)
    assert [one.view for one in asked.films] == ["PA", "LATERAL", "AP"]
    assert "Indication: Chest pain and cough." in asked.user
    assert "Views, in order: PA, LATERAL." in asked.user
    assert "Report of the previous examination: No effusion ." in asked.user
    alone = prompt.ask(ALONE).user
    assert "Indication" not in alone
    assert "previous" not in alone


def test_age_and_sex_stand_where_a_prompt_names_them() -> None:
    prompt = Prompt(name="mine", section="findings", user="{{ age }} {{ sex }} {{ views|length }}")
    assert prompt.ask(FULL).user == "61 F 2"
    assert prompt.ask(ALONE).user == "1"


def test_the_identity_changes_with_every_word() -> None:
    given = {"name": "mine", "section": "findings", "user": "Write."}
    others = [{"user": "Write!"}, {"section": "impression"}, {"system": "You."}, {"views": "frontal"}]
    identities = [Prompt(**{**given, **other}).identity for other in [{}, *others]]  # type: ignore[arg-type]
    assert len(set(identities)) == len(identities)
    assert all(one.startswith("mine@") and len(one) == 13 for one in identities)


def test_a_prompt_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsection: impression\nuser: Write {{ indication }}\n", encoding="utf-8")
    assert load_prompt(path).reads(8).sections == ("indication",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name: mine\nsection: findings\nuser: '{{ report }}'\n", "names report"),
        ("name: mine\nsection: findings\nuser: '{{ findings }}'\n", "names findings"),
        ("name: mine\nsection: findings\nuser: '{% if %}'\n", "no Jinja template"),
        ("name: mine\nsection: everything\nuser: Write.\n", "section"),
        ("name: mine\nuser: Write.\n", "section"),
        ("name: mine\nsection: findings\nuser: Write.\ntext: x\n", "text"),
        ("- a\n", "no keys"),
        ("name: [\n", "no YAML"),
        ("name: A B\nsection: findings\nuser: Write.\n", "name"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said) as error:
        load_prompt(path)
    assert "\n" not in str(error.value)


def test_an_unknown_prompt_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'findings'"):
        load_prompt("finding")
    with pytest.raises(InputError, match="can't be read"):
        load_prompt(tmp_path / "absent.yaml")
