"""Saving and loading give the same model, and what it offers has the promised shapes."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoProcessor, BertConfig, BertModel, ResNetConfig, ResNetModel

import dcrrg.model
from dcrrg import DcrrgConfig, DcrrgModel
from dcrrg.configuration import load_preset
from dcrrg.model import NOT_MENTIONED, OBSERVATION_STARTS
from dcrrg.step3 import IGNORED, Descriptions, row_lengths, writing_loss
from dcrrg.training import new_model
from rrgbench.errors import InputError, MissingPartError, UnknownNameError
from rrgbench.modeling.report_decoder import CachedDecoding
from rrgbench.models import load_model
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNMENTIONED
from rrgbench.training.items import Collate
from rrgbench.training.settings import starting_weights
from rrgbench.training.trainers import Request

REPORTS = ["no pleural effusion . the heart is enlarged .", "the lungs are clear . no pneumothorax ."] * 3


@pytest.fixture(scope="module")
def model():
    return new_model(load_preset("tiny"), REPORTS, seed=0).eval()


@pytest.fixture(scope="module")
def films():
    return np.random.default_rng(0).integers(0, 256, (3, 96, 96)).astype(np.uint8)


def test_loading_gives_the_same_answers(model, films, tmp_path):
    """Also of buffers that no checkpoint holds (positions, normalisation)."""
    model.save_pretrained(tmp_path)
    loaded = DcrrgModel.from_pretrained(tmp_path)
    assert np.array_equal(model.predict_observations(films), loaded.predict_observations(films))
    assert np.array_equal(model.embed_reports(REPORTS[:2]), loaded.embed_reports(REPORTS[:2]))
    assert model.generate_reports(films) == loaded.generate_reports(films)
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, dict(loaded.named_buffers())[name]), name


def test_auto_model_knows_it(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert isinstance(AutoModel.from_pretrained(tmp_path), DcrrgModel)
    assert not list(tmp_path.glob("*.bin")), "weights are safetensors only"


def test_what_it_offers(model, films):
    probabilities = model.predict_observations(films)
    assert probabilities.shape == (3, len(OBSERVATIONS))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    for vectors in (model.embed_images(films), model.embed_reports(REPORTS[:3])):
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert len(model.generate_reports(films)) == 3
    assert len(model.describe(films, "Edema")) == 3
    assert model.backbone(torch.from_numpy(films)).shape == (3, 256)


def test_every_kind_of_film_gives_the_same_answers(model, films):
    images = [Image.fromarray(film).convert("RGB") for film in films]
    assert np.array_equal(model.predict_observations(images), model.predict_observations(films))
    assert np.array_equal(model.embed_images(images), model.embed_images(films))
    assert model.generate_reports(images[:1]) == model.generate_reports(films[:1])
    assert model.describe(images[0], "Edema") == model.describe(films[:1], "Edema")
    with pytest.raises(UnknownNameError, match="did you mean 'Edema'"):
        model.describe(films, "Oedema")


def test_forward_gives_what_the_methods_give(model, films, tmp_path):
    model.save_pretrained(tmp_path)
    batch = AutoProcessor.from_pretrained(tmp_path)([Image.fromarray(film) for film in films], return_tensors="pt")
    ids, mask = model.encode_texts(REPORTS[:2])
    with torch.inference_mode():
        output = model(**batch, input_ids=ids, attention_mask=mask)
        images_only, texts_only = model(**batch), model(input_ids=ids, attention_mask=mask)
    assert output.observation_logits.sigmoid().numpy() == pytest.approx(model.predict_observations(films), abs=1e-6)
    assert output.image_embeddings.numpy() == pytest.approx(model.embed_images(films), abs=1e-6)
    assert output.text_embeddings.numpy() == pytest.approx(model.embed_reports(REPORTS[:2]), abs=1e-6)
    assert output.text_observation_logits.shape == (2, len(OBSERVATIONS))
    expected = model.embed_images(films) @ model.embed_reports(REPORTS[:2]).T
    assert output.similarity.numpy() == pytest.approx(expected, abs=1e-5)
    assert set(images_only) == {"observation_logits", "image_embeddings"}
    assert set(texts_only) == {"text_observation_logits", "text_embeddings"}
    with pytest.raises(InputError, match="neither"):
        model()


def test_explain_is_table_7_for_one_film(model, films):
    found = model.explain(Image.fromarray(films[0]), reference=REPORTS[0])
    assert [row.observation for row in found.observations] == list(OBSERVATIONS)
    assert [row.probability for row in found.observations] == model.predict_observations(films[:1])[0].tolist()
    assert [row.description for row in found.observations] == [model.describe(films[:1], o)[0] for o in OBSERVATIONS]
    assert found.report.text == model.generate_reports(films[:1])[0]
    assert {(row.observation, row.label) for row in found.observations if row.label != UNMENTIONED} == {
        ("Cardiomegaly", POSITIVE), ("Pleural Effusion", NEGATIVE)
    }  # fmt: skip
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.report = None


@pytest.mark.parametrize(("choice", "read"), [("all", 14), ("prompted", 1)])
def test_a_description_is_written_from_what_step_3_was_shown(model, films, monkeypatch, choice, read):
    memories = []

    class Recorded(CachedDecoding):
        def __init__(self, decoder, head, memory, *rest):
            memories.append(memory)
            super().__init__(decoder, head, memory, *rest)

    monkeypatch.setattr(dcrrg.model, "CachedDecoding", Recorded)
    monkeypatch.setattr(model.config, "description_memory", choice)
    model.describe(films, OBSERVATIONS[3])
    model.generate_reports(films)
    with torch.inference_mode():
        whole = model.memory(model.image_observations(torch.from_numpy(films)))
    described, report = memories
    torch.testing.assert_close(described, whole if read == 14 else whole[:, 3:4])
    torch.testing.assert_close(report, whole)


def test_the_checkpoint_of_another_system_is_not_called_damaged(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "rrgbench-clip"}))
    save_file({"weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"holds a model of type rrgbench-clip, not dcrrg .*with --model"):
        load_model("dcrrg", tmp_path)


def test_the_shipped_checkpoint_loads_without_a_network():
    """`import dcrrg` is all that the Auto classes need."""
    program = """
import socket

def refuse(*_, **__):
    raise AssertionError("the network was asked")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from importlib.resources import files
import dcrrg
import numpy as np
from transformers import AutoConfig, AutoModel, AutoProcessor, AutoTokenizer

folder = files("dcrrg") / "checkpoints" / "6d"
assert type(AutoConfig.from_pretrained(folder)) is dcrrg.DcrrgConfig
assert type(AutoProcessor.from_pretrained(folder)) is dcrrg.DcrrgImageProcessor
assert len(AutoTokenizer.from_pretrained(folder)) == AutoConfig.from_pretrained(folder).vocabulary
(report,) = AutoModel.from_pretrained(folder).generate_reports(np.zeros((1, 96, 96), dtype=np.uint8))
assert len(report.split()) > 5, report
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_pushing_to_the_hub_takes_all_files_along(model, monkeypatch, tmp_path):
    """Both ways in: the tokenizer and the processor must not stay behind."""
    seen = []

    def upload(self, working_dir, repo_id, files_timestamps, **options):
        seen.append((repo_id, {name for name in os.listdir(working_dir) if name not in files_timestamps}))

    created = SimpleNamespace(create_repo=lambda repo_id, **_: SimpleNamespace(repo_id=repo_id))
    monkeypatch.setattr("transformers.utils.hub.hf_api", lambda *_, **__: created)
    card = SimpleNamespace(save=lambda path: Path(path).write_text("card"))
    monkeypatch.setattr("transformers.utils.hub.create_and_tag_model_card", lambda *_, **__: card)
    monkeypatch.setattr(type(model), "_upload_modified_files", upload)
    model.push_to_hub("someone/dcrrg")
    model.save_pretrained(tmp_path / "dcrrg", push_to_hub=True, repo_id="someone/other")
    whole = {"config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert [repo for repo, _ in seen] == ["someone/dcrrg", "someone/other"]
    for _, names in seen:
        assert whole <= names
        assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


def test_step_4_freezes_all_but_prompts_and_head(monkeypatch, tmp_path):
    """By name and by gradient, on the very module and items that step 4 trains."""
    from dcrrg.training import train
    from rrgbench.data.phantom import load
    from rrgbench.training import chain as training_run
    from rrgbench.training.stage import StageReport

    seen = {}

    def one_batch(stage, settings, learner, work, folder, *rest):
        """Stands for the training of a stage: one backward pass."""
        if stage == "step4":
            module = learner.module.cpu().train().requires_grad_(False)
            for part in learner.parts:
                part.requires_grad_(True)
            module(**work.collate([work.items[index] for index in range(8)]))["loss"].backward()
            seen.update({name: (p.requires_grad, p.grad) for name, p in module.named_parameters()})
            seen["share"] = sum(p.numel() for p in module.parameters() if p.requires_grad) / sum(
                p.numel() for p in module.parameters()
            )
        fields = {field.name: 1 for field in dataclasses.fields(StageReport)}
        report = StageReport(**{**fields, "stage": stage})
        folder.mkdir(parents=True)
        (folder / "stage.json").write_text(json.dumps(dataclasses.asdict(report)))
        return report

    monkeypatch.setattr(training_run, "train_stage", one_batch)
    train(Request(load(train=24, validate=4, test=6, retrieval=8), tmp_path))
    share = seen.pop("share")
    trained = {name for name, (wanted, _) in seen.items() if wanted}
    assert trained == {"model.prompts.prefix", "model.report_head.weight", "model.report_head.bias"}
    assert {name for name, (_, gradient) in seen.items() if gradient is not None} == trained
    assert all(bool(gradient.any()) for _, gradient in seen.values() if gradient is not None)
    frozen = {name.split(".")[1] for name in seen} - {"prompts", "report_head"}
    assert {"image_encoder", "image_projection", "text_encoder", "text_projection", "decoder"} <= frozen
    assert 0.001 <= share <= 0.03, "the paper's 0.1 % to 3 %"


def test_the_trainable_share_of_all_weights():
    """0.1 % to 3 %: of the shipped checkpoint, and of the paper's networks over MIMIC-CXR's words."""
    with safe_open(files("dcrrg") / "checkpoints" / "6d" / "model.safetensors", framework="pt") as weights:
        sizes = {name: int(np.prod(weights.get_slice(name).get_shape())) for name in weights.keys()}  # noqa: SIM118
    tuned = sum(size for name, size in sizes.items() if name.startswith(("prompts.", "report_head.")))
    assert 0.001 <= tuned / sum(sizes.values()) <= 0.03
    options = dict(load_preset("paper").model)
    options["image_encoder"] = {"kind": "resnet"}  # ResNetConfig's defaults are ResNet-50
    options["text_encoder"] = {"vocab_size": 28_996}  # BertConfig's are BERT-base; ClinicalBERT has this vocabulary
    with torch.device("meta"):
        paper = DcrrgModel(DcrrgConfig(**options, vocabulary=5_000))
    total = sum(p.numel() for p in paper.parameters())
    assert sum(p.numel() for p in paper.image_encoder.parameters()) == 23_508_032, "ResNet-50 without its classifier"
    tuned = sum(p.numel() for part in (paper.prompts, paper.report_head) for p in part.parameters())
    assert 0.001 <= tuned / total <= 0.03


def test_the_paper_preset_states_appendix_a():
    """Sentence by sentence; docs/huggingface.md lists what departs and what the paper leaves open."""
    preset = load_preset("paper")
    config = DcrrgConfig(**preset.model)
    assert config.image_encoder == {"kind": "resnet", "weights": "microsoft/resnet-50"}
    assert config.text_encoder == {"weights": "emilyalsentzer/Bio_ClinicalBERT"}
    assert config.text_pooling == "cls"
    assert (config.projection_width, config.embedding_width, config.decoder_width) == (512, 512, 512)
    assert (config.decoder_heads, config.decoder_layers) == (8, 2)
    for stage in (preset.step1_image, preset.step1_text, preset.step2):
        assert (stage.learning_rate, stage.weight_decay, stage.batch_size) == (1e-4, 1e-6, 32)
    for stage in (preset.step3, preset.step4):
        assert (stage.learning_rate, stage.batch_size) == (1e-4, 16)
    assert (config.contrast_temperature, config.target_temperature) == (0.07, 1.0)
    assert config.beams == 3
    assert (config.tuning, preset.balance) == ("prompt", True)
    assert preset.min_word_count == 10, "R2Gen's, whose pre-processing of MIMIC-CXR the paper follows"


@pytest.fixture(scope="module")
def encoder_folders(tmp_path_factory):
    """Weights as a hub snapshot holds them: a bottleneck ResNet of 50 layers and a BERT with its vocabulary, narrow."""
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(1)
    resnet = ResNetModel(ResNetConfig(embedding_size=4, hidden_sizes=[8, 8, 16, 16]))
    assert (resnet.config.layer_type, tuple(resnet.config.depths)) == ("bottleneck", (3, 4, 6, 3))
    resnet.save_pretrained(root / "resnet")
    letters = [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"] + list("abcdefghijklmnopqrstuvwxyz")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "no", "heart", "pleural", "effusion", ".", *letters]
    bert = BertModel(
        BertConfig(
            vocab_size=len(words),
            hidden_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=256,
        )
    )
    bert.save_pretrained(root / "bert")
    (root / "bert" / "vocab.txt").write_text("\n".join(words) + "\n")
    return root


@pytest.fixture(scope="module")
def paper_preset(encoder_folders, tmp_path_factory):
    """The paper preset, its weights read from folders, on small films and few words."""
    settings = load_preset("paper").model_dump(mode="json")
    settings["model"]["image_encoder"]["weights"] = str(encoder_folders / "resnet")
    settings["model"]["text_encoder"]["weights"] = str(encoder_folders / "bert")
    settings["model"]["image_size"] = 64
    settings["min_word_count"] = 1
    for stage in ("step1_image", "step1_text", "step2", "step3", "step4"):
        settings[stage].update(epochs=1, workers=0)
    path = tmp_path_factory.mktemp("preset") / "paper-small.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_encoders_start_from_local_folders(encoder_folders, paper_preset):
    model = new_model(load_preset(str(paper_preset)), REPORTS, seed=0)
    for encoder, folder in ((model.image_encoder.network, "resnet"), (model.text_encoder, "bert")):
        source, own = load_file(encoder_folders / folder / "model.safetensors"), encoder.state_dict()
        shared = [name for name in source if not name.startswith("pooler.") or folder == "resnet"]
        assert len(shared) > 15
        for name in shared:
            assert torch.equal(source[name], own[name]), name
    assert model.text_tokenizer.tokenize("no effusion") == ["no", "effusion"]
    assert model.text_tokenizer is not model.tokenizer
    assert model.image_encoder.channels == 3
    assert model.config.text_encoder["num_attention_heads"] == 2


def test_a_run_with_other_weights_in_the_same_folder_is_refused(encoder_folders, paper_preset, tmp_path):

    from dcrrg.training import DcrrgOptions, recipes, train
    from rrgbench.data.phantom import load

    copied = tmp_path / "resnet"
    shutil.copytree(encoder_folders / "resnet", copied)
    settings = yaml.safe_load(Path(paper_preset).read_text())
    settings["model"]["image_encoder"]["weights"] = str(copied)
    path = tmp_path / "copied.yaml"
    path.write_text(yaml.safe_dump(settings))
    corpus = load(train=4, validate=2, test=2, retrieval=2)

    request = Request(corpus, tmp_path / "out", str(path))

    def stages():
        return recipes(request, DcrrgOptions())[0].folders

    first = stages()
    assert stages() == first
    assert starting_weights(settings["model"]).keys() == {"image_encoder", "text_encoder"}
    assert starting_weights(load_preset("paper").model) == {}, "hub ids"
    train(request, step=1)
    torch.manual_seed(2)
    ResNetModel.from_pretrained(copied).apply(
        lambda part: torch.nn.init.normal_(part.weight) if hasattr(part, "weight") else None
    ).save_pretrained(copied)
    assert not set(stages()) & set(first)
    with pytest.raises(InputError, match="another starting_weights"):
        train(request, step=2)


def test_the_paper_presets_path_trains_and_loads(encoder_folders, paper_preset, tmp_path):
    """All four steps from local folders; the trained folder needs neither of them afterwards."""
    from dcrrg.training import train
    from rrgbench.data.phantom import load

    corpus = load(train=4, validate=2, test=2, retrieval=2)
    train(Request(corpus, tmp_path / "out", str(paper_preset)))
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "out", moved, ignore=shutil.ignore_patterns("stages"))
    assert (moved / "text_tokenizer" / "tokenizer.json").is_file()
    assert str(encoder_folders) not in (moved / "config.json").read_text()
    loaded = AutoModel.from_pretrained(moved)
    assert isinstance(loaded, DcrrgModel)
    assert len(loaded.text_tokenizer) < 100 < len(loaded.tokenizer)
    film = Image.fromarray(corpus.split("test")[0].images[0].load(128))
    assert len(loaded.generate_reports([film])) == 1
    assert np.linalg.norm(loaded.embed_reports(["no pleural effusion ."])) == pytest.approx(1, abs=1e-5)


def test_missing_encoder_weights_are_named(encoder_folders):
    options = {"vocabulary": 20, "pad_token_id": 0, "image_encoder": {"kind": "resnet", "hidden_sizes": [8, 8, 8, 8]}}
    with pytest.raises(InputError, match=r"no BERT weights .* at '.*nowhere': there is no such folder"):
        DcrrgModel(DcrrgConfig(**options, text_encoder={"weights": "./nowhere"}), pretrained_encoders=True)
    with pytest.raises(MissingPartError, match=r"no BERT weights .* at 'no/where': give a local folder or a reachable"):
        DcrrgModel(DcrrgConfig(**options, text_encoder={"weights": "no/where"}), pretrained_encoders=True)
    image = {**options, "image_encoder": {"kind": "resnet", "weights": "/nope/x"}}
    with pytest.raises(InputError, match=r"no ResNet weights at '/nope/x': there is no such folder"):
        DcrrgModel(DcrrgConfig(**image), pretrained_encoders=True)


def test_short_and_long_descriptions_pass_apart_with_the_same_loss(model):
    """Step 3 splits a batch by length; the loss is that of the padded batch."""
    torch.manual_seed(0)
    ids = torch.randint(20, 30, (5, 9))
    targets = torch.randint(20, 30, (5, 9))
    targets[1, 2:] = targets[3, 2:] = targets[4, 6:] = IGNORED
    memory = torch.randn(5, 14, model.config.embedding_width)
    with torch.inference_mode():
        logits = model.description_head(model.decoder(ids, model.memory(memory)))
        expected = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        assert float(Descriptions(model)(memory, ids, targets)["loss"]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("apart", [True, False])
def test_a_batch_of_rows_has_one_loss_in_few_passes_or_many(apart):
    torch.manual_seed(0)
    written, targets = torch.randn(6, 40, 9), torch.randint(0, 9, (6, 40))
    for row, length in enumerate((2, 17, 0, 16, 40, 2)):
        targets[row, length:] = IGNORED
    passes = []

    def logits(rows, longest):
        passes.append((int(rows.sum()), longest))
        return written[rows, :longest]

    expected = cross_entropy(written.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    found = writing_loss(logits, targets, row_lengths(targets), apart=apart)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)
    assert passes == ([(2, 2), (1, 16), (1, 17), (1, 40)] if apart else [(5, 40)])


def test_texts_are_padded_to_lengths_of_which_there_are_few(model):
    texts = ["no effusion", "the heart is normal in size . no pleural effusion"]

    def batch(multiple):
        return Collate(0, model.text_tokenizer, 20, multiple)([{"report": text} for text in texts])

    plain, padded, full = batch(1), batch(8), batch(64)
    longest = plain["ids"].shape[1]
    assert 8 < longest < 16
    assert padded["ids"].shape == (2, 16)
    assert full["ids"].shape == (2, 20), "no longer than the text encoder reads"
    with torch.inference_mode():
        found = [model.eval().text_observations(each["ids"], each["mask"]) for each in (plain, padded, full)]
    for more in found[1:]:
        torch.testing.assert_close(found[0], more, rtol=1e-4, atol=1e-5)


def test_given_observations_are_in_no_loss(model):
    """Of a set's start tokens none is written by the decoder; rows of any length pass with the batch's loss."""
    start = model.tokenizer.convert_tokens_to_ids(list(OBSERVATION_STARTS))
    absent, end = model.tokenizer.convert_tokens_to_ids(NOT_MENTIONED), model.tokenizer.eos_token_id
    lines = [[start[3], absent, end], [start[2], start[7], start[1], *range(20, 31), end], [start[5], 21, 22, 23, end]]
    memory = torch.randn(3, 14, model.config.embedding_width)
    batch = Collate(model.tokenizer.pad_token_id)([{"row": line} for line in lines])
    with torch.inference_mode():
        ours = float(Descriptions(model)(memory, batch["ids"], batch["targets"])["loss"])
        targets = batch["targets"].clone()
        assert targets[1, :2].tolist() == [start[7], start[1]]
        targets[1, :2] = IGNORED
        logits = model.description_head(model.decoder(batch["ids"], model.memory(memory)))
        expected = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    assert ours == pytest.approx(float(expected), rel=1e-5)
