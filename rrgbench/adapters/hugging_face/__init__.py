"""Models of Hugging Face as ours: `hf:ID_OR_FOLDER` and `timm:NAME`; `config.json` says which kind of model it is."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from rrgbench.errors import InputError, problems

if TYPE_CHECKING:
    from rrgbench.models import Model


def load(
    model: str,
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int | Literal["auto"] = "auto",
    prompt: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    **options: Any,
) -> "Model":
    """A model of Hugging Face.

    Parameters
    ----------
    model : str
        A folder or a hub id.
    device : str, optional
        As `torch.device` takes it; a GPU where there is one.
    dtype : str, optional
        `bf16`, `fp16`, `fp32` or `auto`: the checkpoint's own on a GPU, 32 bits on a CPU.
    batch_size : int or str
        Studies at a time; `auto` halves it when memory runs out.
    prompt : str, optional
        A shipped prompt or a YAML file, for models that are asked in words; `findings` if omitted.
    revision : str, optional
        Branch, tag or commit of a hub repository.
    trust_remote_code : bool
        Whether Python code of the repository may run on this machine.
    **options
        Of models that write: `views`, `film_size`, `section`, `extraction`, `allow`, and of `Generation`.

    Raises
    ------
    InputError
        If there is no such model, or it is of a kind that can't be evaluated, or takes no such option.
    MissingPartError
        If the hub can't be reached and the model is not in the local cache.
    """
    from rrgbench.adapters.hugging_face.building import build

    try:
        return build(model, revision, trust_remote_code, (device, dtype, batch_size), {"prompt": prompt, **options})
    except ValidationError as error:
        raise InputError(f"hf:{model}: {problems(error)}") from None


def load_timm(model: str, **options: Any) -> "Model":
    """A timm model with its pretrained weights, as `hf:timm/NAME`.

    Parameters
    ----------
    model : str
        The name of the weights, as `resnet50.a1_in1k`, or a folder.
    **options
        As of `load`.
    """
    return load(model if "/" in model else f"timm/{model}", **options)
