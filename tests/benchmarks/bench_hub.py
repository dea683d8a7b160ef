"""`hf:` in batches beside `generate` in a loop, one study a time: `python tests/benchmarks/bench_hub.py`.

A random LLaVA of 2.9 billion parameters in bf16 where there is a GPU (576 tokens an image, as LLaVA 1.5), a tiny one on
a CPU. Both sides write the same number of tokens of the same studies; the number of equal texts is shown, since half
precision may add in another order in a batch.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from table import Row, run, timed
from transformers import CLIPImageProcessor, CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from rrgbench.adapters.hugging_face import load
from rrgbench.adapters.hugging_face.writer import HubWriter
from rrgbench.data.examination import Examination, Film

sys.path.append(str(Path(__file__).parents[1] / "adapters"))

STUDIES, TOKENS, VOCABULARY = 32, 128, 32000
LARGE = {"hidden_size": 2560, "intermediate_size": 6912, "num_hidden_layers": 32, "num_attention_heads": 32}
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
EYE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}


def random_model(folder: Path, cuda: bool) -> HubWriter:
    """A random model as `hf:` loads it, its weights made where they are used."""
    from tiny_models import chat_template, tokenizer
    from transformers import LlavaProcessor

    words = tokenizer(image_token="<image>")
    # every token is a word, so that texts are compared whole
    words.add_tokens([f"w{number}" for number in range(VOCABULARY - len(words))])
    side, patch = (336, 14) if cuda else (56, 14)
    text = LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=4096, **(LARGE if cuda else SMALL))
    eye = CLIPVisionConfig(image_size=side, patch_size=patch, **(EYE if cuda else SMALL))
    config = LlavaConfig(text_config=text, vision_config=eye, image_token_id=words.image_token_id)
    config.architectures = ["LlavaForConditionalGeneration"]
    config.save_pretrained(folder)
    films = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    LlavaProcessor(
        films, words, patch_size=patch, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=chat_template("<image>"),
    ).save_pretrained(folder)  # fmt: skip
    (folder / "model.safetensors").touch()
    dtype = torch.bfloat16 if cuda else torch.float32
    model = load(
        str(folder), dtype=str(dtype).removeprefix("torch."), batch_size=STUDIES, max_new_tokens=TOKENS,
        extraction="as-written",
    )  # fmt: skip
    assert isinstance(model, HubWriter)
    torch.manual_seed(0)
    with torch.device(model.device):
        torch.set_default_dtype(dtype)
        network = LlavaForConditionalGeneration(config).eval()
        torch.set_default_dtype(torch.float32)
    network.generation_config.min_new_tokens = TOKENS
    network.generation_config.pad_token_id, network.generation_config.eos_token_id = 0, 2
    model.__dict__["network"] = network
    return model


def throughput() -> list[Row]:
    """Time both and compare their text."""
    cuda = torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as folder:
        model = random_model(Path(folder), cuda)
        drawn = np.random.default_rng(0).integers(0, 256, (STUDIES, model.reads.size, model.reads.size), dtype=np.uint8)
        studies = [Examination(f"s{row}", (Film(film),)) for row, film in enumerate(drawn)]

        @torch.inference_mode()
        def plain() -> list[str]:
            texts = []
            for one in studies:
                inputs = model.inputs([one])
                written = model.network.generate(**inputs, do_sample=False, max_new_tokens=TOKENS)
                new = written[0][inputs["input_ids"].shape[1] :]
                texts.append(str(model.tokenizer.decode(new, skip_special_tokens=True)).strip())
            return texts

        plain_first = studies[:1]
        model.generate_reports(plain_first)  # kernels are chosen at the first call
        ours, texts = timed(lambda: model.generate_reports(studies))
        other, theirs = timed(plain)
        parameters = sum(weight.numel() for weight in model.network.parameters()) / 1e9
    same = sum(a == b for a, b in zip(texts, theirs, strict=True))
    where = torch.cuda.get_device_name(0) if cuda else f"{torch.get_num_threads()} threads"
    work = f"hf:, {parameters:.3g} billion parameters, {STUDIES} studies of {TOKENS} tokens, {where}, against a loop"
    owed = ">= 3x" if cuda else "-"
    return [
        Row(work, ours, other, other / ours, owed, f"{STUDIES / ours:.2f} studies/s, same text {same} of {STUDIES}")
    ]


if __name__ == "__main__":
    run(__doc__, {"throughput": throughput})
