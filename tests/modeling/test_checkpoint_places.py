"""Where checkpoints are looked for: a mistyped folder is never looked up on the hub."""

from pathlib import Path
from typing import Any

import pytest

from rrgbench.checkpoints import place_of
from rrgbench.errors import ExitCode, InputError, exit_code
from rrgbench.models import load_model


def test_a_folder_comes_first_and_the_hub_is_asked_only_where_hf_stands_before_an_id(tmp_path: Path) -> None:
    assert place_of(tmp_path) == (tmp_path, {"local_files_only": True})
    assert place_of("me/dcrrg") == ("me/dcrrg", {"local_files_only": True})
    assert place_of("hf:me/dcrrg") == ("me/dcrrg", {"local_files_only": False})


@pytest.mark.parametrize("name", ["dcrrg", "r2gen"])
def test_a_mistyped_folder_is_not_looked_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def connect(self: object, address: Any) -> None:
        asked.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr("socket.socket.connect", connect)
    with pytest.raises(InputError, match=r"my/ck-typo: there is no such folder; to take it from the hub write hf:my"):
        load_model(name, "my/ck-typo")
    assert asked == []
    with pytest.raises(InputError, match="there is no such folder") as error:
        load_model(name, "absent")
    assert "hf:" not in str(error.value)


@pytest.mark.parametrize("name", ["dcrrg", "r2gen"])
def test_the_hub_that_can_t_be_reached_is_told_in_a_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="the hub has none called my/model, or can't be reached") as error:
        load_model(name, "hf:my/model")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["dcrrg", "r2gen"])
def test_a_folder_that_can_t_be_read_is_not_said_to_be_absent(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "model.safetensors").touch()
    monkeypatch.setattr("rrgbench.modeling.trained_system.check_type", refuse)
    monkeypatch.setattr("dcrrg.registration.check_type", refuse)
    monkeypatch.setattr("rrgbench.models.check_files", lambda _: None)
    with pytest.raises(InputError, match=r"is there and can't be read \(Permission denied\)") as error:
        load_model(name, str(tmp_path))
    assert exit_code(error.value) is ExitCode.REFUSED
