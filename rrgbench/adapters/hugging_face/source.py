"""Where a model of Hugging Face lies: a folder, or a repository of the hub in the local cache or fetched into it."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError, MissingPartError
from rrgbench.models import WEIGHTS

_READ: Final = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*.tiktoken")
"""Files that a model, its processor and its tokenizer are read from; there is no pickle among them."""

_CODE: Final = ("*.py",)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A model's files.

    Attributes
    ----------
    name : str
        The last part of its id or folder.
    folder : Path
        Where its files lie.
    digest : str
        12 digits: of the commit of a hub repository, or of the SHA-256 of a folder's files.
    config : mapping
        Its `config.json`.
    """

    name: str
    folder: Path
    digest: str
    config: Mapping[str, Any]


def find(given: str, revision: str | None = None, code: bool = False) -> Source:
    """The files of a model.

    A folder is taken as it is. What is no folder is a hub id (`owner/name`): the cache is asked, and the hub only for
    what the cache lacks, which is said in the log.

    Parameters
    ----------
    given : str
        A folder or a hub id.
    revision : str, optional
        A branch, tag or commit of a hub repository.
    code : bool
        Whether the repository's Python files are wanted too.

    Raises
    ------
    InputError
        If it is neither, or holds no `config.json` or no safetensors.
    MissingPartError
        If the hub has to be asked and can't be reached, or refuses.
    """
    path = Path(given).expanduser()
    if path.is_dir():
        if revision is not None:
            raise InputError(f"{given} is a folder, which has no revision {revision!r}; a hub id has")
        return Source(path.resolve().name, path, _folder_digest(path), _config(path, given))
    if path.exists():
        raise InputError(f"{given} is a file; give the folder that holds {WEIGHTS} and config.json, or a hub id")
    parts = given.split("/")
    if len(parts) != 2 or not all(parts) or given.startswith((".", "~")) or "\\" in given:
        raise InputError(f"there is no folder {given}, and it is no hub id (owner/name)")
    if Path(parts[0]).is_dir():
        # not looked up: somebody else's repository must not stand in for a mistyped folder
        raise InputError(f"there is no folder {parts[1]} in {parts[0]}/, and so it is taken for no hub id; correct it")
    folder = _snapshot(given, revision, code)
    return Source(parts[-1], folder, folder.name[:12], _config(folder, given))


def _config(folder: Path, given: str) -> Mapping[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        lora = (folder / "adapter_config.json").is_file()
        more = "; it is a LoRA adapter: merge it into its base model first (merge_and_unload)" if lora else ""
        raise InputError(f"{given} holds no config.json{more or ', so it is no model of transformers'}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{given}: config.json is no JSON") from None
    if not isinstance(config, dict):
        raise InputError(f"{given}: config.json holds no keys")
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{given} holds no safetensors; weights that exist as pickle only are converted once, where you trust "
            "them: from_pretrained(...).save_pretrained(FOLDER)"
        )
    return config


def _folder_digest(folder: Path) -> str:
    """Of the names and contents of all files that a model is read from."""
    content = hashlib.sha256()
    for path in sorted({path for pattern in (*_READ, *_CODE) for path in folder.glob(pattern)}):
        with open(path, "rb") as file:
            content.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return content.hexdigest()[:12]


def _snapshot(given: str, revision: str | None, code: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    wanted: dict[str, Any] = {"revision": revision, "allow_patterns": [*_READ, *(_CODE if code else ())]}
    try:
        folder = Path(snapshot_download(given, local_files_only=True, **wanted))
        if any(folder.glob("*.safetensors")) and (not code or any(folder.glob("*.py"))):
            return folder
    except LocalEntryNotFoundError:
        pass
    except HFValidationError:
        raise InputError(f"there is no folder {given!r}, and it is no hub id (owner/name)") from None
    at = f"{given}@{revision}" if revision else given
    _log.warning("there is no folder %s, and the local cache does not hold it: the hub is asked", at)
    try:
        return Path(snapshot_download(given, **wanted))
    except GatedRepoError:
        raise MissingPartError(
            f"{at} is gated: accept its terms on its page and log in with `hf auth login`, then run again"
        ) from None
    except RevisionNotFoundError:
        raise InputError(f"the hub's {given} has no revision {revision!r}") from None
    except RepositoryNotFoundError:
        raise InputError(f"there is no folder {given}, and the hub has no model of that id that you may read") from None
    # a lost connection has many names, of the hub's library and of those beneath it
    except Exception as error:
        raise MissingPartError(
            f"{at} is neither a folder nor in the local cache, and the hub can't be reached ({type(error).__name__}); "
            "copy its files into a folder and give that"
        ) from error
