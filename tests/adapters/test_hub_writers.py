"""Models of Hugging Face that write reports: the text of transformers called by hand, in batches and with views."""

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import CHAT, WRITERS
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    BlipForConditionalGeneration,
    BlipProcessor,
    VisionEncoderDecoderModel,
)

from rrgbench.adapters.hugging_face import load
from rrgbench.adapters.hugging_face.writer import HubWriter
from rrgbench.adapters.prompts import load_prompt
from rrgbench.data.examination import Examination, Film, Reads
from rrgbench.errors import InputError, MissingPartError, UnknownNameError
from rrgbench.models import NamesMissingReports, ReportGenerator

TOKENS = 10
Saved = Callable[[str], Path]


def film(seed: int, view: str = "PA", side: int = 56) -> Film:
    coarse = np.random.default_rng(seed).integers(0, 255, (7, 7), dtype=np.uint8)
    return Film(np.kron(coarse, np.ones((side // 7, side // 7), np.uint8)), view)


def examinations(views: int, count: int = 5) -> list[Examination]:
    """Studies of one to `views` films in turn, so that a batch needs padding."""
    return [
        Examination(f"s{n}", tuple(film(10 * n + view) for view in range(1 + n % views)), {"indication": "the heart"})
        for n in range(count)
    ]


def hub(folder: Path, **options: Any) -> HubWriter:
    made = load(str(folder), **{"max_new_tokens": TOKENS, "film_size": 56, **options})
    assert isinstance(made, HubWriter)
    return made


def pictures(one: Examination) -> list[Image.Image]:
    return [Image.fromarray(one.pixels).convert("RGB") for one in one.films]


@torch.no_grad()
def chat_by_hand(folder: Path, studies: Sequence[Examination], prompt: str) -> list[str]:
    """One study at a time, as the model cards show it."""
    model, processor = AutoModelForImageTextToText.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    texts = []
    for one in studies:
        asked = load_prompt(prompt).ask(one)
        films = [{"type": "image", "image": picture} for picture in pictures(one)]
        messages = [
            {"role": "system", "content": [{"type": "text", "text": asked.system}]},
            {"role": "user", "content": [*films, {"type": "text", "text": asked.user}]},
        ]
        inputs = processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        written = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False)
        texts.append(processor.decode(written[0][inputs["input_ids"].shape[-1] :], skip_special_tokens=True))
    return texts


@torch.no_grad()
def captions_by_hand(kind: str, folder: Path, studies: Sequence[Examination]) -> list[str]:
    if kind == "blip":
        model: Any = BlipForConditionalGeneration.from_pretrained(folder)
        processor: Any = BlipProcessor.from_pretrained(folder)
        words = processor
    elif kind == "paligemma":
        model = AutoModelForImageTextToText.from_pretrained(folder)
        words = processor = AutoProcessor.from_pretrained(folder)
    else:
        model = VisionEncoderDecoderModel.from_pretrained(folder)
        processor, words = AutoImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    texts = []
    for one in studies:
        empty = {"text": ""} if kind == "paligemma" else {}
        inputs = processor(images=pictures(one)[0], return_tensors="pt", **empty)
        written = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False)
        texts.append(words.decode(written[0], skip_special_tokens=True))
    return texts


@pytest.mark.parametrize("kind", WRITERS)
def test_the_text_is_that_of_transformers_called_by_hand(kind: str, saved: Saved) -> None:
    folder, views = saved(kind), 2 if kind in CHAT else 1
    studies = examinations(views)
    expected = chat_by_hand(folder, studies, "findings") if kind in CHAT else captions_by_hand(kind, folder, studies)
    model = hub(folder, batch_size=3)
    # the rule would read a random model's "findings" and "impression" as headings
    assert hub(folder, batch_size=3, extraction="as-written").generate_reports(studies) == [t.strip() for t in expected]
    assert len(set(expected)) > 1
    assert isinstance(model, ReportGenerator)
    assert isinstance(model, NamesMissingReports)
    assert model.reports_at_a_time == 3
    assert model.reads == Reads(56, "all" if kind in CHAT else "frontal")
    assert model.name == kind


@pytest.mark.parametrize("kind", CHAT)
def test_sections_and_the_prior_are_told_where_the_prompt_asks_for_them(kind: str, saved: Saved) -> None:
    earlier = Examination("s0", (film(7, "AP"),), report="no effusion")
    one = Examination("s1", (film(1, "PA"), film(2, "LATERAL")), {"indication": "the heart"}, earlier)
    model = hub(saved(kind), prompt="findings-in-context")
    assert model.reads.signature == "all+indication+technique+history+prior"
    inputs = model.inputs([one])
    shown = model.tokenizer.decode(inputs["input_ids"][0])
    alone = model.inputs([Examination("s1", (film(1, "PA"), film(2, "LATERAL")))])
    assert inputs["pixel_values"].shape[0] == alone["pixel_values"].shape[0] * 3 // 2
    assert "heart" in shown
    assert "heart" not in model.tokenizer.decode(alone["input_ids"][0])


def test_a_template_without_system_messages_gets_them_before_the_question(saved: Saved, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "nosystem"
    shutil.copytree(saved("llava"), folder)
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").write_text(
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + template
    )
    model = hub(folder)
    (asked,) = model._messages([load_prompt("findings").ask(examinations(1)[0])])
    assert [one["role"] for one in asked] == ["user"]
    assert asked[0]["content"][-1]["text"].startswith(
        "You are an experienced thoracic radiologist.\n\nThis is the film"
    )
    model.generate_reports(examinations(1, 1))


def test_the_identity_says_all_that_decides_the_text(saved: Saved, tmp_path: Path) -> None:
    folder = saved("gemma3")
    given: list[dict[str, Any]] = [
        {}, {"prompt": "findings-and-impression"}, {"num_beams": 2}, {"max_new_tokens": 7}, {"dtype": "bf16"},
        {"views": "frontal"}, {"film_size": 28}, {"extraction": "as-written"}, {"do_sample": True},
        {"do_sample": True, "seed": 1}, {"do_sample": True, "temperature": 0.5}, {"section": "impression"},
    ]  # fmt: skip
    models = [hub(folder, **one) for one in given]
    assert len({one.identity for one in models}) == len(given)
    assert hub(folder, batch_size=2).identity == models[0].identity
    assert models[0].signed == {"prompt": load_prompt("findings").identity, "extraction": "report@2"}
    assert models[7].signed["extraction"] == "as-written"
    assert hub(saved("blip")).signed["prompt"] == "none"
    # every file counts, not the weights alone
    import shutil

    shutil.copytree(folder, tmp_path / "gemma3")
    assert hub(tmp_path / "gemma3").identity == models[0].identity
    with open(tmp_path / "gemma3" / "chat_template.jinja", "a") as file:
        file.write(" ")
    assert hub(tmp_path / "gemma3").identity != models[0].identity


def test_sampling_is_asked_for_and_depends_on_the_study_alone(saved: Saved) -> None:
    studies = examinations(1, 4)
    sampled = hub(saved("llava"), do_sample=True, temperature=2.0, batch_size=4)
    texts = sampled.generate_reports(studies)
    assert sampled.generate_reports(studies[::-1]) == texts[::-1]
    assert texts != hub(saved("llava")).generate_reports(studies)
    assert texts != hub(saved("llava"), do_sample=True, temperature=2.0, seed=5).generate_reports(studies)


def test_beams_give_the_text_of_transformers(saved: Saved) -> None:
    model = hub(saved("llava"), num_beams=3, extraction="as-written")
    one = examinations(1, 1)
    inputs = model.inputs(one)
    by_hand = model.network.generate(**inputs, num_beams=3, do_sample=False, max_new_tokens=TOKENS)
    expected = model.tokenizer.decode(by_hand[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert model.generate_reports(one) == [expected.strip()]


def test_a_report_that_is_cut_is_said_once(saved: Saved, caplog: pytest.LogCaptureFixture) -> None:
    model = hub(saved("llava"), max_new_tokens=2, batch_size=1)
    with caplog.at_level(logging.WARNING):
        model.generate_reports(examinations(1, 3))
    assert [one.message for one in caplog.records if "cut at 2 tokens" in one.message] == [
        "llava: reports are cut at 2 tokens, first that of s0; raise max_new_tokens to let them end"
    ]


def test_a_decoder_with_few_places_writes_no_more_than_they_hold(
    saved: Saved, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "few"
    shutil.copytree(saved("vision-encoder-decoder"), folder)
    network = VisionEncoderDecoderModel.from_pretrained(folder)
    short = {**network.config.decoder.to_dict(), "max_position_embeddings": 8}
    network.decoder = type(network.decoder)(type(network.config.decoder).from_dict(short))
    network.config.decoder = network.decoder.config
    network.save_pretrained(folder)
    model = hub(folder, max_new_tokens=512)
    with caplog.at_level(logging.WARNING):
        assert len(model.generate_reports(examinations(1, 3))) == 3
    assert [one.message for one in caplog.records if "places" in one.message] == [
        "few writes at most 7 tokens, not 512: its decoder has no more places"
    ]


def test_batches_are_halved_when_memory_runs_out(
    saved: Saved, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, studies = hub(saved("llava"), batch_size="auto"), examinations(2, 7)
    expected = model.generate_reports(studies)
    sizes = []
    plain = model._write

    def small(part: Sequence[Examination]) -> list[str]:
        sizes.append(len(part))
        if len(part) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plain(part)

    monkeypatch.setattr(model, "_write", small)
    with caplog.at_level(logging.WARNING):
        assert model.generate_reports(studies) == expected
    assert sizes == [4, 2, *[1] * 7]
    assert "out of memory with a batch of 4; going on with 2" in caplog.text
    fixed = hub(saved("llava"), batch_size=4)
    monkeypatch.setattr(fixed, "_write", small)
    with pytest.raises(MissingPartError, match=r"does not hold a batch of 4.*--batch-size"):
        fixed.generate_reports(studies)


def test_other_errors_are_no_lack_of_memory(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    model = hub(saved("llava"))

    def broken(part: Sequence[Examination]) -> list[str]:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(model, "_write", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        model.generate_reports(examinations(1, 2))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 0}, "batch size 0"),
        ({"batch_size": "many"}, "batch size 'many'"),
        ({"device": "gpu"}, "device 'gpu' is not available"),
        ({"dtype": "int8"}, "dtype 'int8'"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_token": 5}, "takes no option max_token; did you mean .max_new_tokens"),
        ({"beams": 3}, "beams"),
        ({"views": "lateral"}, "views"),
        ({"prompt": "absent.yaml"}, "can't be read"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_a_line(options: dict[str, Any], said: str, saved: Saved) -> None:
    with pytest.raises(InputError, match=said) as error:
        hub(saved("llava"), **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{"prompt": "finding"}, {"extraction": "reports@1"}, {"allow": "empties"}])
def test_an_unknown_name_is_told_with_the_nearest(options: dict[str, Any], saved: Saved) -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        hub(saved("llava"), **options)


def test_a_captioner_reads_one_film(saved: Saved) -> None:
    with pytest.raises(InputError, match="reads one film"):
        hub(saved("blip"), views="all")


def test_a_captioner_without_words_takes_no_prompt(saved: Saved) -> None:
    with pytest.raises(InputError, match="is shown films alone and takes no prompt"):
        hub(saved("vision-encoder-decoder"), prompt="findings")


def test_half_precision_runs(saved: Saved) -> None:
    assert len(hub(saved("qwen2_5_vl"), dtype="bf16").generate_reports(examinations(2, 2))) == 2
