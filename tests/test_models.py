"""Models by name: with an argument, with a checkpoint, several at once."""

import pytest

from rrgbench.errors import InputError, UnknownNameError
from rrgbench.models import MODELS, load_all_models, load_model, load_models, split_checkpoint
from rrgbench.registry import Registry, make


class Named:
    image_size = 8

    def __init__(self, name, identity, said):
        self.name, self.identity, self.said = name, identity, said


def load_with(checkpoint=None, device="cpu", **more):
    found = Named("with", f"with@{checkpoint}", {"checkpoint": checkpoint, "device": device, **more})
    found.checkpoint = (checkpoint or "").rpartition("/")[2]
    return found


def load_from(path, dtype="f32"):
    return Named("from", f"from@{path}", {"path": path, "dtype": dtype})


def load_plain():
    return Named("plain", "plain@1", {})


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    loaders = {"with": load_with, "from": load_from, "plain": load_plain}
    monkeypatch.setattr(Registry, "names", lambda self: list(loaders))
    monkeypatch.setattr(Registry, "__contains__", lambda self, name: name in loaders)

    def load(self, name):
        if name not in loaders:
            raise UnknownNameError(f"no {self.kind} is called {name!r}")
        return loaders[name]

    monkeypatch.setattr(Registry, "load", load)


def test_an_argument_is_the_first_parameter():
    assert load_model("from:a/b:c.jsonl").said == {"path": "a/b:c.jsonl", "dtype": "f32"}
    assert load_model("with:6a", device="cuda").said == {"checkpoint": "6a", "device": "cuda"}
    assert load_model("with", "6a").said == load_model("with:6a").said


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("plain:x", {}, "model plain takes no argument; given: plain:x"),
        ("plain", {"dtype": "bf16"}, "model plain takes no dtype; it takes: nothing"),
        ("from:x", {"dtyp": "bf16"}, "model from takes no dtyp; it takes: path, dtype"),
        ("from", {}, "model from needs path, e.g. from:PATH"),
        ("with:6a", {"checkpoint": "6b"}, "model with:6a is also given checkpoint"),
    ],
)
def test_what_a_loader_does_not_take_is_named(name, options, words):
    with pytest.raises(InputError) as caught:
        make(MODELS, name, **options)
    assert words in str(caught.value)


def test_options_go_to_the_loaders_that_take_them():
    one, other, third = load_models(["with=a", "from:b", "plain"], {"dtype": "bf16"})
    assert (one.said["dtype"], other.said["dtype"], third.said) == ("bf16", "bf16", {})
    with pytest.raises(InputError, match="none of from:b, plain takes an option device; they take: path, dtype"):
        load_models(["from:b", "plain"], {"device": "cpu"})


def test_two_checkpoints_of_a_model_are_told_apart_and_the_same_model_twice_is_refused():
    assert [one.name for one in load_models(["with=runs/a", "with=runs/b", "plain"])] == ["with=a", "with=b", "plain"]
    with pytest.raises(InputError, match=r"the same model stands twice .*: with \(with@a\)"):
        load_models(["with=a", "with:a"])
    with pytest.raises(InputError, match="two models are called with=a"):
        load_models(["with=x/a", "with=y/a"])


def test_an_empty_checkpoint_is_not_the_shipped_one():
    for load in (lambda: load_model("dcrrg", ""), lambda: load_models(["dcrrg="]), lambda: load_all_models("")):
        with pytest.raises(InputError, match=r"checkpoint"):
            load()


def test_a_checkpoint_stands_behind_an_equals_sign_of_a_name_without_argument():
    assert split_checkpoint("with=a=b") == ("with", "a=b")
    assert split_checkpoint("from:a=b") == ("from:a=b", None)
    with pytest.raises(InputError, match="no checkpoint"):
        split_checkpoint("with=")
