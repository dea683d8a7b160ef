"""Conventions of `rules`: the same words by their plain sense and as CheXbert and CheXpert have them."""

from collections.abc import Iterator
from importlib import resources
from typing import Any, get_args

import pytest
import yaml

from rrgbench.errors import InputError, UnknownNameError
from rrgbench.labelers import load
from rrgbench.labelers.rules.labeler import Convention
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED

P, N, U, X = POSITIVE, NEGATIVE, UNCERTAIN, UNMENTIONED

CASES = [  # text, observation, plain, chexbert, chexpert
    ("The heart has been followed for years.", "Cardiomegaly", X, P, P),
    ("Cardiac silhouette is XXXX.", "Cardiomegaly", X, P, P),
    ("Previous left heart catheterization.", "Cardiomegaly", X, X, X),
    ("History of cardiac surgery.", "Cardiomegaly", X, X, X),
    ("Clips project within the mediastinum.", "Enlarged Cardiomediastinum", X, P, P),
    ("The mediastinum is normal.", "Enlarged Cardiomediastinum", N, N, N),
    ("The cardiac silhouette is upper limits of normal.", "Cardiomegaly", N, P, P),
    ("The cardiac silhouette is at the upper limits of normal.", "Cardiomegaly", N, N, N),
    ("No displaced clavicle fracture.", "Fracture", N, P, P),
    ("No displaced clavicle fracture is identified.", "Fracture", N, N, N),
    ("No acute fracture.", "Fracture", N, N, N),
    ("Irregular vertebral endplates.", "Support Devices", X, P, P),
    ("Degenerative endplate change.", "Support Devices", X, P, P),
    ("Telemetry leads overlie the chest.", "Support Devices", P, X, X),
    ("Vagal nerve stimulator.", "Support Devices", P, X, X),
    ("Pacemaker leads are unchanged.", "Support Devices", P, P, P),
    ("Nodular opacity in the lingula.", "Lung Opacity", P, X, P),
    ("Nodular opacity in the lingula.", "Lung Lesion", P, P, P),
    ("Atelectasis or scarring at the base.", "Lung Opacity", U, U, U),
    ("Atelectasis or scarring at the base.", "Atelectasis", U, U, U),
    ("Scarring and/or atelectasis at the base.", "Atelectasis", P, U, U),
    ("Pulmonary fibrosis.", "Pleural Other", X, P, P),
    ("Old granulomatous infection.", "Pneumonia", X, P, P),
    ("The lungs are hyperexpanded.", "No Finding", X, P, P),
    ("Thoracic spondylosis.", "No Finding", X, P, P),
    ("Tortuous aorta.", "No Finding", X, X, P),
    ("Emphysema.", "No Finding", X, X, X),
]


@pytest.mark.parametrize(("text", "observation", "plain", "chexbert", "chexpert"), CASES)
def test_the_same_words_by_convention(text: str, observation: str, plain: int, chexbert: int, chexpert: int) -> None:
    column = OBSERVATIONS.index(observation)
    read = {
        convention: int(load("rules", convention=convention).label([text])[0, column])
        for convention in ("plain", "chexbert", "chexpert")
    }
    assert read == {"plain": plain, "chexbert": chexbert, "chexpert": chexpert}


def conditions(told: Any) -> Iterator[dict[str, Any]]:
    if isinstance(told, dict) and "phrase" in told:
        yield told
    elif isinstance(told, dict | list):
        for part in told.values() if isinstance(told, dict) else told:
            yield from conditions(part)


def test_entries_of_the_lexicon_name_versions_and_conventions_that_exist() -> None:
    text = (resources.files("rrgbench.labelers.rules") / "lexicon.yaml").read_text(encoding="utf-8")
    entries = list(conditions(yaml.safe_load(text)))
    assert entries
    for entry in entries:
        assert set(entry) <= {"phrase", "since", "until", "only", "never"}
        assert set(entry) > {"phrase"}
        assert {*entry.get("only", ()), *entry.get("never", ())} <= set(get_args(Convention))
        assert entry.get("since", 3) in (3, 4)
        assert entry.get("until", 2) in (2, 3)


def test_a_labeler_is_loaded_by_its_identity() -> None:
    for options in ({}, {"convention": "chexpert"}, {"history": "positive", "nothing_new": "uncertain"}):
        identity = load("rules", **options).identity
        assert load(identity).identity == identity
    assert load("rules+convention=chexbert").identity == "rules@4+convention=chexbert"
    for name, options in (("rules+chexbert", {}), ("rules+convention=plain", {"convention": "chexbert"})):
        with pytest.raises(InputError, match="OPTION=VALUE once for each option"):
            load(name, **options)
    with pytest.raises(InputError, match="takes no speed"):
        load("rules+speed=9")
    with pytest.raises(UnknownNameError):
        load("ruler+convention=plain")
