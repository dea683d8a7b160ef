"""Models with code of their own: it runs only where that was allowed, and is called as their cards say."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from own_code import MARK, cxrmate, maira
from PIL import Image

from rrgbench.adapters.hugging_face import load
from rrgbench.adapters.hugging_face.named import NAMED
from rrgbench.adapters.hugging_face.writer import Generation
from rrgbench.data.examination import Examination, Film
from rrgbench.errors import InputError


@pytest.fixture(autouse=True)
def modules(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of the code go into a folder of the test's own."""
    place = str(tmp_path_factory.mktemp("modules"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", place)
    monkeypatch.syspath_prepend(place)


def film(seed: int, view: str) -> Film:
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4), dtype=np.uint8)
    return Film(np.kron(coarse, np.ones((8, 8), np.uint8)), view)


STUDIES = [
    Examination("s0", (film(0, "PA"),)),
    Examination(
        "s1",
        (film(1, "PA"), film(2, "LATERAL")),
        {"indication": "edema"},
        Examination("s2", (film(3, "AP"),), report="no effusion"),
    ),
]


@pytest.mark.parametrize("make", [cxrmate, maira])
def test_code_runs_only_where_that_was_allowed(make: Any, tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    with pytest.raises(InputError, match="brings Python code that would run on this machine; if you trust it") as error:
        load(str(folder))
    assert "\n" not in str(error.value)
    assert not (folder / MARK).exists()
    load(str(folder), trust_remote_code=True).generate_reports(STUDIES[:1])  # type: ignore[attr-defined]
    assert (folder / MARK).exists()


@pytest.mark.parametrize("name", ["SingleCXREncoderDecoderModel", "MultiCXREncoderDecoderModel"])
def test_cxrmate_is_called_as_its_card_says(name: str, tmp_path: Path) -> None:
    folder = cxrmate(tmp_path / "model", name)
    model: Any = load(str(folder), trust_remote_code=True, batch_size=2, num_beams=1, max_new_tokens=8)
    assert model.signed["prompt"] == ("cxrmate-single-card@1" if "Single" in name else "cxrmate-card@1")
    assert model.reads.views == ("frontal" if "Single" in name else "all")
    texts = model.generate_reports(STUDIES)
    by_one: Any = load(str(folder), trust_remote_code=True, batch_size=1, num_beams=1, max_new_tokens=8)
    assert by_one.generate_reports(STUDIES) == texts
    impressions: Any = load(str(folder), trust_remote_code=True, section="impression", max_new_tokens=8)
    assert impressions.generate_reports(STUDIES) == ["no change"] * 2
    assert "num_beams=4" in impressions.identity


def test_maira_2_is_given_films_by_their_view_sections_and_the_prior(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = load(str(maira(tmp_path / "model")), trust_remote_code=True, max_new_tokens=4)
    assert model.reads.signature == "all+indication+technique+comparison+prior"
    given: list[dict[str, Any]] = []
    plain = model.processor.format_and_preprocess_reporting_input

    def record(**asked: Any) -> Any:
        given.append(asked)
        return plain(**asked)

    monkeypatch.setattr(model.processor, "format_and_preprocess_reporting_input", record)
    assert len(model.generate_reports(STUDIES)) == 2
    assert given[0]["current_lateral"] is None
    assert given[0]["indication"] is None
    assert np.asarray(given[1]["current_frontal"])[..., 0].tolist() == STUDIES[1].films[0].pixels.tolist()
    assert np.asarray(given[1]["current_lateral"])[..., 0].tolist() == STUDIES[1].films[1].pixels.tolist()
    assert given[1]["prior_frontal"] is not None
    assert (given[1]["indication"], given[1]["prior_report"]) == ("edema", "no effusion")
    assert given[1]["get_grounding"] is False


def test_a_card_is_no_prompt_to_choose(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes no prompt"):
        load(str(cxrmate(tmp_path / "model")), trust_remote_code=True, prompt="findings")


def test_chexagent_2_is_given_films_as_files_and_the_words_of_its_card() -> None:
    seen: dict[str, Any] = {}

    class Words:
        def from_list_format(self, parts: list[dict[str, str]]) -> str:
            seen["films"] = [np.asarray(Image.open(part["image"]))[..., 0] for part in parts if "image" in part]
            return str(parts[-1]["text"])

        def apply_chat_template(self, talk: list[dict[str, str]], **options: Any) -> torch.Tensor:
            seen["talk"] = talk
            return torch.tensor([[5, 6, 7]])

        def decode(self, ids: torch.Tensor, **options: Any) -> str:
            return " ".join(map(str, ids.tolist()))

    class Network:
        def generate(self, ids: torch.Tensor, **given: Any) -> torch.Tensor:
            seen["given"] = given
            return torch.cat([ids, torch.tensor([[8, 9]])], dim=1)

    writer: Any = SimpleNamespace(
        tokenizer=Words(), network=Network(), device="cpu", generation=Generation(max_new_tokens=512)
    )
    (named,) = (one for one in NAMED if one.name == "chexagent-2")
    assert named.write(writer, STUDIES[1:]) == ["8 9"]
    assert [film.tolist() for film in seen["films"]] == [one.pixels.tolist() for one in STUDIES[1].films]
    assert [one["from"] for one in seen["talk"]] == ["system", "human"]
    assert seen["talk"][1]["value"] == "Generate the Findings section"
    assert seen["given"]["max_new_tokens"] == 512
