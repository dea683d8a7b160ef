"""No bars of transformers' around our own loading, all of them elsewhere."""

from transformers import BertConfig, BertModel
from transformers.utils import logging

import rrgbench
from rrgbench.modeling.quiet_loading import quiet_loading
from rrgbench.modeling.text_encoder import build_text_encoder


def test_a_model_of_ours_loads_silently_and_leaves_other_bars_as_they_were(tmp_path, capfd) -> None:
    was = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    try:
        rrgbench.load_model("dcrrg")
        assert capfd.readouterr().err == ""
        BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1)).save_pretrained(tmp_path)
        capfd.readouterr()
        BertModel.from_pretrained(tmp_path)
        assert "Loading weights" in capfd.readouterr().err
        build_text_encoder({"weights": str(tmp_path)}, pretrained=True)
        assert "Loading weights" not in capfd.readouterr().err
        with quiet_loading():
            list(logging.tqdm([1], desc="Downloading"))
        assert "Downloading" in capfd.readouterr().err
    finally:
        if not was:
            logging.disable_progress_bar()


def test_a_hook_of_the_user_s_stays() -> None:
    seen = []

    def hook(factory, given, named):
        seen.append(named["desc"])
        return factory(*given, **named)

    before = logging.set_tqdm_hook(hook)
    try:
        with quiet_loading():
            list(logging.tqdm([1], desc="theirs", disable=True))
        assert seen == ["theirs"]
        assert logging.set_tqdm_hook(hook) is hook
    finally:
        logging.set_tqdm_hook(before)


def test_warnings_go_only_where_errors_alone_are_wanted() -> None:
    level = logging.get_verbosity()
    logging.set_verbosity_warning()
    try:
        with quiet_loading():
            assert logging.get_verbosity() == logging.WARNING
        with quiet_loading(errors_only=True):
            assert logging.get_verbosity() == logging.ERROR
        assert logging.get_verbosity() == logging.WARNING
    finally:
        logging.set_verbosity(level)
