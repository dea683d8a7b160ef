"""Where models are looked for, and what is said of those that are not there or of no known kind."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rrgbench.adapters.hugging_face import load
from rrgbench.adapters.hugging_face.source import find
from rrgbench.checkpoints import shipped
from rrgbench.errors import InputError, MissingPartError, RrgbenchError

Saved = Callable[[str], Path]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty hub cache, and no network."""
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    return cache


def message(given: str) -> str:
    with pytest.raises(RrgbenchError) as error:
        load(given)
    assert "\n" not in str(error.value)
    return f"{type(error.value).__name__}: {error.value}"


def test_an_id_that_the_hub_has_to_be_asked_for_is_an_error_of_one_line(offline: Path) -> None:
    said = message("google/medgemma-4b-it")
    assert said.startswith("MissingPartError: google/medgemma-4b-it is neither a folder nor in the local cache")


@pytest.mark.parametrize(
    "given", ["./absent", "/absent/model", "a/b/c", "~/absent", "absent/", "my\\model", "a b/c", "gpt2"]
)
def test_an_absent_folder_is_no_hub_id(given: str, offline: Path) -> None:
    assert "there is no folder" in message(given)


def test_a_mistyped_folder_is_not_looked_up_on_the_hub(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (offline.parent / "my" / "checkpoint").mkdir(parents=True)

    def asked(*given: object, **more: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("huggingface_hub.snapshot_download", asked)
    assert message("my/ck-typo").startswith("InputError: there is no folder ck-typo in my/")


def test_a_repository_in_the_cache_needs_no_network_and_is_named_by_its_commit(offline: Path, saved: Saved) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    place = offline / "models--tiny--vit"
    shutil.copytree(saved("vit"), place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    model = load("tiny/vit")
    assert model.identity == "vit@0123456789ab[film=32,dtype=float32]"
    assert load("tiny/vit", revision=commit).identity == model.identity
    with pytest.raises(MissingPartError, match="tiny/vit@v2 is neither"):
        load("tiny/vit", revision="v2")


def test_a_folder_has_no_revision(saved: Saved) -> None:
    with pytest.raises(InputError, match="has no revision 'main'"):
        load(str(saved("vit")), revision="main")


def test_a_file_is_no_model(saved: Saved) -> None:
    assert "is a file; give the folder" in message(str(saved("vit") / "model.safetensors"))


def test_a_folder_that_holds_no_model_says_what_it_lacks(tmp_path: Path, saved: Saved) -> None:
    assert "holds no config.json" in message(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text("{}")
    assert "LoRA adapter: merge it" in message(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    assert "config.json is no JSON" in message(str(tmp_path))
    (tmp_path / "config.json").write_text("[]")
    assert "config.json holds no keys" in message(str(tmp_path))
    shutil.copy(saved("vit") / "config.json", tmp_path / "config.json")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    assert "weights that exist as pickle only are converted once" in message(str(tmp_path))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "bert", "architectures": ["BertModel"]}, "BertModel, which is none of: image-text-to-text"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM, which is none of"),
        ({"model_type": "mine"}, "is mine, which is none of"),
        ({}, "is no architecture, which is none of"),
        ({"model_type": "phi-own", "architectures": ["OwnModel"], "auto_map": {"AutoModel": "a.B"}}, "CheXagent"),
    ],
)
def test_a_model_of_another_kind_is_refused_with_what_is_supported(
    config: dict[str, object], said: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert said in message(str(tmp_path))


def test_a_model_without_its_processor_says_so(saved: Saved, tmp_path: Path) -> None:
    for kind in ("llava", "vit"):
        shutil.copytree(saved(kind), tmp_path / kind)
        for name in ("processor_config.json", "preprocessor_config.json"):
            (tmp_path / kind / name).unlink(missing_ok=True)
        assert "can't be read" in message(str(tmp_path / kind))


def test_weights_that_are_cut_short_say_so(saved: Saved, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(saved("vit"), folder)
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cut can't be loaded") as error:
        _ = load(str(folder)).backbone  # type: ignore[attr-defined]
    assert "\n" not in str(error.value)


def test_the_digest_is_of_every_file_that_is_read(saved: Saved, tmp_path: Path) -> None:
    folder = tmp_path / "vit"
    shutil.copytree(saved("vit"), folder)
    first = find(str(folder)).digest
    assert first == find(str(saved("vit"))).digest
    (folder / "notes.md").write_text("unread")
    assert find(str(folder)).digest == first
    (folder / "preprocessor_config.json").write_text("{}")
    assert find(str(folder)).digest != first


def test_a_model_of_our_own_is_named_as_such() -> None:
    folder = shipped("dcrrg")["6d"]
    assert f"is a model of rrgbench's own; give --model dcrrg={folder}" in message(str(folder))


def test_that_the_hub_is_asked_is_said(offline: Path, caplog: pytest.LogCaptureFixture) -> None:
    message("google/medgemma-4b-it")
    assert "the local cache does not hold it: the hub is asked" in caplog.text
