"""Tiny random models of many architectures, saved as a hub repository holds them: configuration, weights, processor."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    BertGenerationConfig,
    BitImageProcessor,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    ViTMAEConfig,
    ViTMAEModel,
    ViTModel,
    set_seed,
)

SENTENCES = (
    "the lungs are clear no pleural effusion or pneumothorax heart size is normal mild cardiomegaly with edema "
    "right left lower lobe consolidation atelectasis there acute cardiopulmonary process findings impression ."
)
WORDS = SENTENCES.split()
TEXT = {
    "vocab_size": 48,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    # so that a random model says different things of different films
    "initializer_range": 0.6,
}
PLAIN_TEXT = {key: value for key, value in TEXT.items() if key != "num_key_value_heads"}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
    "initializer_range": 0.6,
}


def tokenizer(special: tuple[str, ...] = (), **named: str) -> PreTrainedTokenizerFast:
    """A word-level tokenizer of a few words of radiology; what it doesn't know is `<unk>`."""
    words = ["<pad>", "<s>", "</s>", "<unk>", *special, *named.values(), *WORDS]
    # the words at the end of a vocabulary of 48
    first = list(dict.fromkeys(words))[: -len(WORDS)]
    filled = [*first, *(f"<{number}>" for number in range(48 - len(first) - len(WORDS))), *WORDS]
    vocabulary = {word: place for place, word in enumerate(filled)}
    made = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = WhitespaceSplit()
    made.add_special_tokens([*special, *named.values()])
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=named,
        model_max_length=2048,
    )


def chat_template(image: str) -> str:
    """A chat template as they are, which writes `image` where an image stands."""
    return (
        "{% for message in messages %}{{ '<s> ' + message['role'] + ' ' }}"
        "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ ' "
        + image
        + " ' }}{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
        "{{ ' </s> ' }}{% endfor %}{% if add_generation_prompt %}{{ '<s> assistant ' }}{% endif %}"
    )


def _gemma3() -> tuple[Any, Any]:
    words = tokenizer(boi_token="<boi>", eoi_token="<eoi>", image_token="<image>")
    config = Gemma3Config(
        tie_word_embeddings=False,
        text_config={**TEXT, "tie_word_embeddings": False, "head_dim": 8, "sliding_window": 512, "rope_theta": 10000.0},
        vision_config=VISION,
        mm_tokens_per_image=4,
        boi_token_index=words.boi_token_id,
        eoi_token_index=words.eoi_token_id,
        image_token_index=words.image_token_id,
        image_token_id=words.image_token_id,
        initializer_range=0.6,
    )
    films = Gemma3ImageProcessor(size={"height": 32, "width": 32})
    processor = Gemma3Processor(films, words, chat_template=chat_template("<boi>"), image_seq_length=4)
    return Gemma3ForConditionalGeneration(config), processor


def _qwen2_5_vl() -> tuple[Any, Any]:
    names = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    words = tokenizer(names)
    start, end, image, video = words.convert_tokens_to_ids(list(names))
    config = Qwen2_5_VLConfig(
        tie_word_embeddings=False,
        text_config={
            **TEXT,
            "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 4,
            "patch_size": 14,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
            "initializer_range": 0.6,
        },
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
        initializer_range=0.6,
    )
    side = {"shortest_edge": 28 * 28, "longest_edge": 84 * 84}
    films = Qwen2VLImageProcessor(size=side)
    template = chat_template("<|vision_start|> <|image_pad|> <|vision_end|>")
    processor = Qwen2_5_VLProcessor(films, words, Qwen2VLVideoProcessor(size=side), chat_template=template)
    return Qwen2_5_VLForConditionalGeneration(config), processor


def _llava() -> tuple[Any, Any]:
    words = tokenizer(image_token="<image>")
    config = LlavaConfig(
        text_config=LlamaConfig(**TEXT),
        vision_config=CLIPVisionConfig(**VISION),
        image_token_id=words.image_token_id,
        image_token_index=words.image_token_id,
        vision_feature_layer=-1,
        initializer_range=0.6,
    )
    films = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        films,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template("<image>"),
    )
    return LlavaForConditionalGeneration(config), processor


def _internvl() -> tuple[Any, Any]:
    words = tokenizer(
        start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>"
    )
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **TEXT},
        vision_config={**VISION, "image_size": [32, 32], "patch_size": [8, 8]},
        image_token_id=words.context_image_token_id,
        downsample_ratio=0.5,
        image_seq_length=4,
        initializer_range=0.6,
    )
    films = GotOcr2ImageProcessor(size={"height": 32, "width": 32}, crop_to_patches=False)
    processor = InternVLProcessor(
        films, words, InternVLVideoProcessor(), image_seq_length=4, chat_template=chat_template("<IMG_CONTEXT>")
    )
    return InternVLForConditionalGeneration(config), processor


def _bert_words() -> PreTrainedTokenizerFast:
    return tokenizer()


def _blip() -> tuple[Any, Any]:
    words = _bert_words()
    config = BlipConfig(
        text_config={**TEXT, "encoder_hidden_size": 32, "projection_dim": 16, "sep_token_id": 2},
        vision_config={**VISION, "projection_dim": 16},
        projection_dim=16,
        image_text_hidden_size=16,
        initializer_range=0.6,
    )
    processor = BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), words)
    return BlipForConditionalGeneration(config), processor


def _vision_encoder_decoder() -> tuple[Any, Any]:
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        ViTConfig(**VISION),
        BertGenerationConfig(**PLAIN_TEXT, is_decoder=True, add_cross_attention=True),
    )
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 0, 2
    model = VisionEncoderDecoderModel(config)
    model.generation_config.decoder_start_token_id = 1
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, 2

    class Both:
        def save_pretrained(self, folder: Path) -> None:
            ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
            tokenizer().save_pretrained(folder)

    return model, Both()


def _paligemma() -> tuple[Any, Any]:
    words = tokenizer(image_token="<image>")
    config = PaliGemmaConfig(
        text_config={"model_type": "gemma", **TEXT, "head_dim": 8, "tie_word_embeddings": False},
        vision_config={**VISION, "model_type": "siglip_vision_model"},
        image_token_index=words.image_token_id,
        projection_dim=32,
        tie_word_embeddings=False,
    )
    films = SiglipImageProcessor(size={"height": 32, "width": 32})
    films.image_seq_length = 16
    return PaliGemmaForConditionalGeneration(config), PaliGemmaProcessor(films, words)


def _clip() -> tuple[Any, Any]:
    config = CLIPConfig(
        text_config={**PLAIN_TEXT, "max_position_embeddings": 24}, vision_config=VISION, projection_dim=16
    )
    words = tokenizer()
    words.model_max_length = 24
    films = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return CLIPModel(config), CLIPProcessor(films, words)


def _siglip() -> tuple[Any, Any]:
    config = SiglipConfig(
        text_config={**PLAIN_TEXT, "max_position_embeddings": 24, "projection_size": 32}, vision_config=VISION
    )
    words = tokenizer()
    words.model_max_length = 24
    words.model_input_names = ["input_ids"]
    return SiglipModel(config), SiglipProcessor(SiglipImageProcessor(size={"height": 32, "width": 32}), words)


def _dinov2() -> tuple[Any, Any]:
    films = BitImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_mean=[0.53] * 3, image_std=[0.26] * 3
    )
    return Dinov2Model(Dinov2Config(**{**VISION, "mlp_ratio": 2})), films


def _vit() -> tuple[Any, Any]:
    return ViTModel(ViTConfig(**VISION)), ViTImageProcessor(size={"height": 32, "width": 32})


def _vit_mae() -> tuple[Any, Any]:
    return ViTMAEModel(ViTMAEConfig(**VISION)), ViTImageProcessor(size={"height": 32, "width": 32})


def _clip_vision() -> tuple[Any, Any]:
    films = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return CLIPVisionModel(CLIPVisionConfig(**VISION)), films


def _vit_classifier() -> tuple[Any, Any]:
    """Without a pooler: its classifier reads the first token."""
    return ViTForImageClassification(ViTConfig(**VISION)), ViTImageProcessor(size={"height": 32, "width": 32})


WRITERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "gemma3": _gemma3,
    "qwen2_5_vl": _qwen2_5_vl,
    "llava": _llava,
    "internvl": _internvl,
    "blip": _blip,
    "vision-encoder-decoder": _vision_encoder_decoder,
    "paligemma": _paligemma,
}
DUAL_ENCODERS = {"clip": _clip, "siglip": _siglip}
BACKBONES = {
    "dinov2": _dinov2,
    "vit": _vit,
    "vit-classifier": _vit_classifier,
    "vit-mae": _vit_mae,
    "clip-vision": _clip_vision,
}
CHAT = ("gemma3", "qwen2_5_vl", "llava", "internvl")


def save(kind: str, folder: Path) -> Path:
    """Save a tiny random model of a kind, the same one every time."""
    set_seed(0)
    model, processor = {**WRITERS, **DUAL_ENCODERS, **BACKBONES}[kind]()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            # some start at zero, and films are few tokens among many, which would hide them from the decoder
            if weight.ndim > 1:
                weight.normal_(0.0, 5.0 if "projector" in name else 0.02 if "embed_tokens" in name else 0.4)
    if getattr(model, "generation_config", None) is not None:
        # words only
        model.generation_config.suppress_tokens = [0, 1, *range(3, 48 - len(WORDS))]
        model.generation_config.begin_suppress_tokens = [2]
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["architectures"]
    return folder
