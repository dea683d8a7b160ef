"""Names by entry point: one name means one thing."""

from pathlib import Path

import pytest

from rrgbench.data.loading import CORPORA, load_corpus
from rrgbench.errors import InputError, MissingPartError, UnknownNameError
from rrgbench.labelers import LABELERS
from rrgbench.models import load_model
from rrgbench.registry import Registry
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.reports_in_memory import pair_in_memory
from rrgbench.scoring.score import score
from rrgbench.scoring.sensitivity import under_protocols
from rrgbench.tasks.protocol_band import TASK


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Registers entry points by a package of a name, in a folder of its own."""

    def add(package: str, group: str, **points: str) -> None:
        folder: Path = tmp_path / package
        info = folder / f"{package}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
        monkeypatch.syspath_prepend(folder)

    return add


def test_a_name_that_two_packages_register_is_an_error_that_names_both(install) -> None:
    install("alpha", "rrgbench.labelers", theirs="json:loads", alone="json:dumps")
    install("beta", "rrgbench.labelers", theirs="json:dumps")
    with pytest.raises(InputError, match=r"labeler 'theirs' is registered by alpha 1\.2 \(json:loads\) and by beta"):
        LABELERS.load("theirs")
    with pytest.raises(InputError, match="beta"):
        LABELERS.module("theirs")
    assert LABELERS.load("alone")({}) == "{}"
    assert LABELERS.foreign("theirs") == "alpha 1.2 and beta 1.2"
    assert LABELERS.names().count("theirs") == 1


def test_what_is_of_another_kind_is_told_and_leaves_the_others_alone(install, caplog) -> None:
    install("alpha", "rrgbench.examples", good="fractions:Fraction.real", other="json:dumps")
    examples = Registry("example", "rrgbench.examples", property)
    with pytest.raises(MissingPartError, match=r"other of alpha 1.2 .* json:dumps is of type function; expected"):
        examples.load("other")
    assert list(examples.everything()) == ["good"]
    assert "json:dumps is of type function" in caplog.text


@pytest.mark.parametrize(("load", "kind"), [(load_model, "model"), (load_corpus, "corpus")])
def test_a_name_is_a_text(load, kind) -> None:
    with pytest.raises(InputError, match=f"the name of a {kind} is a text; given: a NoneType"):
        load(None)


def test_a_package_does_not_replace_ours(install) -> None:
    install("alpha", "rrgbench.corpora", phantom="json:loads")
    with pytest.raises(
        InputError, match=r"corpus 'phantom' is registered by alpha 1\.2 .* and by rrgbench .*uninstall"
    ):
        CORPORA.load("phantom")
    assert CORPORA.foreign("phantom").startswith("alpha 1.2 and rrgbench ")


def test_the_same_thing_registered_twice_is_one_thing(install) -> None:
    for package in ("alpha", "beta"):
        install(package, "rrgbench.examples", same="json:loads")
    examples = Registry("example", "rrgbench.examples")
    assert examples.load("same")("1") == 1
    assert examples.origin("same") == "alpha 1.2"


def test_what_ships_without_an_entry_point_is_not_replaced_either(install) -> None:
    install("alpha", "rrgbench.protocols", dcrrg="json:loads")
    with pytest.raises(InputError, match=r"protocol 'dcrrg' is registered by rrgbench itself and by alpha 1\.2"):
        load_protocol("dcrrg@2")
    install("beta", "rrgbench.metrics", bleu_1="json:loads")
    with pytest.raises(InputError, match=r"plug-in metric 'bleu_1' is registered by rrgbench itself and by beta"):
        score(["a"], ["a"], protocol="raw", metrics=["bleu_1"], intervals=False)


def test_everything_leaves_out_what_is_ambiguous_and_says_so(install, caplog) -> None:
    install("alpha", "rrgbench.examples", theirs="json:loads", other="json:loads")
    install("beta", "rrgbench.examples", theirs="json:dumps")
    assert list(Registry("example", "rrgbench.examples").everything()) == ["other"]
    assert "'theirs' is registered by alpha 1.2" in caplog.text


SOURCE = """'''Beds: an example of many things.'''
def one():
    '''A bed of `oak`.

    It is long.
    '''
def two(): ...
raise RuntimeError("must not be imported")
"""


def test_a_thing_says_what_it_is_without_being_imported(install, tmp_path) -> None:
    install("alpha", "rrgbench.examples", one="beds:one", two="beds:two", other="whole.room:THING", broken="broken:x")
    install("beta", "rrgbench.examples", gone="no_such_module:x", passed="front:one", inside="front.deep:DEEP")
    for name, text in (
        ("alpha/beds.py", SOURCE),
        ("alpha/whole/room.py", "'An example: a room.'\nTHING = 1"),
        ("alpha/broken.py", "def ("),
        ("alpha/front/__init__.py", "'Front.'\nfrom beds import one as one\nfrom beds import two"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    registry = Registry("example", "rrgbench.examples")
    assert {name: registry.about(name) for name in registry.names()} == {
        "broken": "",
        "gone": "",
        "inside": "",
        "one": "A bed of oak",
        "other": "a room",
        "passed": "Front",
        "two": "Beds: an example of many things",
    }
    install("gamma", "rrgbench.examples", two="front:one", one="whole.room:THING")
    assert Registry("example", "rrgbench.examples").about("two") == ""


def test_an_entry_point_that_names_no_loader_is_told(install) -> None:
    install("alpha", "rrgbench.models", made="fractions:_RATIONAL_FORMAT")
    with pytest.raises(MissingPartError, match=r"made of alpha 1\.2 .* names a Pattern; expected a function, or a cla"):
        load_model("made")


def test_a_reader_that_gives_no_corpus_is_told(install, tmp_path) -> None:
    install("alpha", "rrgbench.corpora", listed="alpha_reader:load", homeless="alpha_reader:without_root")
    (tmp_path / "alpha" / "alpha_reader.py").write_text(
        "from rrgbench.data.phantom import load as phantom\n"
        "def load(root=None): return [root]\n"
        "def without_root(): return phantom(train=1, validate=1, test=1, retrieval=0)\n"
    )
    with pytest.raises(InputError, match=r"corpus listed of alpha 1\.2: its reader gave a list; expected a rrgbench"):
        load_corpus("listed")
    assert len(load_corpus("homeless").studies) == 3
    with pytest.raises(InputError, match="corpus homeless reads no folder; given: here"):
        load_corpus("homeless", "here")


def test_a_file_of_python_is_no_name_of_what_is_not_taken_from_files(install) -> None:
    with pytest.raises(UnknownNameError, match=r"'mine\.py:Mine'; code of your own gets a name by an entry point"):
        load_protocol("mine.py:Mine")


def test_a_name_is_found_by_its_title() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'bleu_4'"):
        score(["a"], ["a"], metrics=["BLEU-4"])


def test_what_pydantic_says_is_cut_to_what_is_wrong(install, tmp_path) -> None:
    install("alpha", "rrgbench.protocols", odd="alpha_protocol:ODD")
    (tmp_path / "alpha" / "alpha_protocol.py").write_text(
        "from rrgbench.scoring.protocols import Protocol\nODD = Protocol(name='odd', version=1, cleaning='raw')\n"
    )
    with pytest.raises(MissingPartError, match="cleaning: Input should be") as error:
        load_protocol("odd")
    assert "https" not in str(error.value)


def test_a_protocol_that_fails_stops_no_command_that_did_not_name_it(install) -> None:
    install("alpha", "rrgbench.protocols", broken="alpha_protocol:NOT_THERE")
    pairs = pair_in_memory(["No effusion."], ["No effusion."], ())
    table = under_protocols(pairs, None, scoring(metrics=["bleu_1"]))
    assert "No module named 'alpha_protocol'" in table.absent["broken"]
    assert "raw" in table.scores
    with pytest.raises(MissingPartError, match="broken of alpha"):
        under_protocols(pairs, ["broken"], scoring(metrics=["bleu_1"]))


def test_what_else_is_installed_is_no_part_of_a_suite(install, tmp_path) -> None:
    """An entry of a leaderboard would otherwise hold values that nobody else can recompute."""
    parameters = TASK.parameters()
    (before,) = TASK.units(parameters)
    (tmp_path / "mine.yaml").write_text("name: mine\nversion: 1\ncleaning: none\n")
    install("alpha", "rrgbench.protocols", mine="alpha_protocol:FILE", broken="alpha_protocol:NOT_THERE")
    (tmp_path / "alpha" / "alpha_protocol.py").write_text(f"FILE = {str(tmp_path / 'mine.yaml')!r}\n")
    (after,) = TASK.units(parameters)
    assert before == after
    (named,) = TASK.units(TASK.parameters(protocols=["mine"]))
    assert [name.partition("@")[0] for name in named.inputs["protocols"]] == ["mine"]


def test_a_field_that_is_none_is_told_with_the_one_that_is_meant(tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nversion: 1\nclean: none\n")
    with pytest.raises(InputError, match="clean: no such field; did you mean 'cleaning'"):
        load_protocol(tmp_path / "mine.yaml")
