"""Tiny random stand-ins for repositories with code of their own, with the methods that their cards call."""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file
from tiny_models import save

MARK = "ran.txt"
"""What the code writes into its folder when it runs."""

_RAN = f"""
from pathlib import Path
place = Path({{folder!r}})
place.joinpath({MARK!r}).write_text("ran")
"""

_CXRMATE = """
from transformers import VisionEncoderDecoderModel

class {name}(VisionEncoderDecoderModel):
    def generate(self, pixel_values, special_token_ids=None, **given):
        if pixel_values.ndim == 5:
            pixel_values = pixel_values.sum(dim=1)
        return super().generate(pixel_values=pixel_values, **given)

    def split_and_decode_sections(self, written, ends, tokenizer):
        texts = tokenizer.batch_decode(written, skip_special_tokens=True)
        return texts, ["no change"] * len(texts)
"""

_MAIRA = """
from transformers import LlavaConfig, LlavaForConditionalGeneration

class Maira2Config(LlavaConfig):
    model_type = "maira2"

class Maira2ForConditionalGeneration(LlavaForConditionalGeneration):
    config_class = Maira2Config
"""

_MAIRA_PROCESSOR = """
from transformers import LlavaProcessor

class Maira2Processor(LlavaProcessor):
    def format_and_preprocess_reporting_input(self, current_frontal, current_lateral, prior_frontal, indication,
                                              technique, comparison, prior_report, return_tensors, get_grounding):
        films = [film for film in (current_frontal, current_lateral, prior_frontal) if film is not None]
        words = " ".join(str(word) for word in (indication, technique, comparison, prior_report))
        return self(images=films, text="<image> " * len(films) + words, return_tensors=return_tensors)

    def convert_output_to_plaintext_or_grounded_sequence(self, text):
        return text
"""


def _rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def cxrmate(folder: Path, name: str = "SingleCXREncoderDecoderModel") -> Path:
    save("vision-encoder-decoder", folder)
    code = _RAN.format(folder=str(folder)) + _CXRMATE.format(name=name)
    (folder / "modelling.py").write_text(code)
    auto = {"AutoModel": f"modelling.{name}"}
    _rewrite(folder / "config.json", architectures=[name], auto_map=auto)
    _rewrite(folder / "tokenizer_config.json", sep_token="<0>")
    return folder


def maira(folder: Path) -> Path:
    save("llava", folder)
    # the library renames weights of its own models only
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights.pop("language_model.lm_head.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    ran = _RAN.format(folder=str(folder))
    (folder / "modeling_maira2.py").write_text(ran + _MAIRA)
    (folder / "processing_maira2.py").write_text(_MAIRA_PROCESSOR)
    auto = {
        "AutoConfig": "modeling_maira2.Maira2Config",
        "AutoModelForCausalLM": "modeling_maira2.Maira2ForConditionalGeneration",
    }
    name = "Maira2ForConditionalGeneration"
    _rewrite(folder / "config.json", model_type="maira2", architectures=[name], auto_map=auto)
    processor = {"AutoProcessor": "processing_maira2.Maira2Processor"}
    _rewrite(folder / "processor_config.json", processor_class="Maira2Processor", auto_map=processor)
    _rewrite(folder / "tokenizer_config.json", processor_class="Maira2Processor")
    return folder
