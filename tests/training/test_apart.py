"""Fine-tuning under a launcher: each process trains its own model, by itself."""

import subprocess
import sys

import numpy as np
import pytest
from transformers import set_seed

from rrgbench.errors import InputError
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.apart import trained_apart
from rrgbench.training.data import FilmSource
from rrgbench.training.probing import fine_tune


def test_one_of_several_processes_fine_tunes_as_one_alone(monkeypatch):
    set_seed(0)
    shape = {"kind": "resnet", "num_channels": 1, "embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1]}
    encoder = build_image_encoder({**shape, "layer_type": "basic"})
    rng = np.random.default_rng(0)
    films = rng.integers(0, 255, (12, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 2, (12, 14)).astype(np.int8)
    source = FilmSource(films, labels, OBSERVATIONS)
    alone = fine_tune(encoder, source, films, steps=4, batch=4, seed=3)
    # a rendezvous that nobody answers: a process that joined it would wait
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "192.0.2.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "1")
    np.testing.assert_array_equal(fine_tune(encoder, source, films, steps=4, batch=4, seed=3), alone)


def test_what_can_t_be_sent_is_told():
    with pytest.raises(InputError, match="can't be sent to a process of its own"):
        trained_apart(lambda: None)


def test_a_script_without_a_guard_is_refused_and_does_not_wait_for_itself(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "import sys\nimport rrgbench\nfrom rrgbench.training.apart import trained_apart\n"
        "if __name__ == '__main__':\n    print(trained_apart(len, 'abc'))\nelse:\n"
        "    rrgbench.evaluate('random', 'phantom')\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert "if __name__" in done.stderr.splitlines()[-1]
    assert "InputError" in done.stderr
