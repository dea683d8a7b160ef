"""Beam-3 decoding with cache and batches against the same decoder without cache, one film at a time.

`python tests/benchmarks/bench_decoding.py`; the shipped DCRRG checkpoint on the phantom, same text required.
"""

import platform
import time

import torch

from dcrrg.model import REPORT_START
from rrgbench.data.corpus import load_films
from rrgbench.modeling.beam_search import beam_search
from rrgbench.modeling.report_decoder import CachedDecoding
from rrgbench.registry import load_corpus, load_model

FILMS = 64
BEAMS = 3


class Uncached:
    """Decoding state that runs the whole prefix anew each step."""

    def __init__(self, model, memory):
        self.model, self.memory = model, memory.expand(BEAMS, -1, -1)
        self.ids = torch.empty(BEAMS, 0, dtype=torch.long)

    def step(self, tokens):
        """Log-probabilities after the whole prefix."""
        self.ids = torch.cat([self.ids, tokens[:, None]], 1)
        states = self.model.decoder(self.ids, self.memory, self.model.prompts)
        return self.model.report_head(states[:, -1]).log_softmax(-1)

    def reorder(self, rows):
        """Keep the given rows."""
        self.ids = self.ids[rows]


@torch.inference_mode()
def main() -> None:
    """Time both and compare their text."""
    model = load_model("dcrrg").model
    corpus = load_corpus("phantom")
    films = torch.from_numpy(load_films(corpus.split("test")[:FILMS], model.config.image_size))
    memory = model.image_observations(films)
    start = torch.full((FILMS,), model.tokenizer.convert_tokens_to_ids(REPORT_START))
    settings = {"end": model.tokenizer.eos_token_id, "pad": model.tokenizer.pad_token_id, "beams": BEAMS,
                "max_length": model.config.max_report}  # fmt: skip

    def cached():
        return beam_search(
            CachedDecoding(model.decoder, model.report_head, memory, BEAMS, model.prompts), start, **settings
        )

    def plain():
        return [
            beam_search(Uncached(model, memory[row : row + 1]), start[row : row + 1], **settings)[0]
            for row in range(FILMS)
        ]

    times = {}
    texts = {}
    for name, work in (("cached", cached), ("uncached", plain)):
        best = float("inf")
        for _ in range(3 if name == "cached" else 1):
            began = time.perf_counter()
            texts[name] = work()
            best = min(best, time.perf_counter() - began)
        times[name] = best
    same = sum(a == b for a, b in zip(texts["cached"], texts["uncached"], strict=True))
    print(f"{platform.machine()}, torch {torch.__version__}, {FILMS} films, beam {BEAMS}")
    print(f"cached and batched {times['cached']:.2f} s, uncached one at a time {times['uncached']:.2f} s: ", end="")
    print(f"{times['uncached'] / times['cached']:.1f}x (owed 5x); same text {same} of {FILMS}")


if __name__ == "__main__":
    main()
