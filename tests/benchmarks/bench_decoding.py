"""Beam-3 decoding beside the same decoder without cache, a film at a time: `python tests/benchmarks/bench_decoding.py`.

The shipped DCRRG checkpoint writes the reports of phantom films, all of them in one batch; both sides must write the
same text. On a GPU where there is one; set OMP_NUM_THREADS=1 for figures of one core.
"""

import torch
from table import Row, run, timed
from torch import Tensor

from dcrrg.model import DcrrgModel
from rrgbench.data.films.stream import load_films
from rrgbench.data.loading import load_corpus
from rrgbench.modeling.beam_search import DecodingState, beam_search
from rrgbench.modeling.report_decoder import CachedDecoding
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.models import load_model

FILMS = 64
BEAMS = 3
REPEATS = 3


class Uncached:
    """Decoding state that runs the whole prefix anew each step."""

    def __init__(self, model: DcrrgModel, memory: Tensor) -> None:
        self.model, self.memory = model, memory.expand(BEAMS, -1, -1)
        self.ids = torch.empty(BEAMS, 0, dtype=torch.long, device=memory.device)

    def step(self, tokens: Tensor) -> Tensor:
        """Log-probabilities after the whole prefix."""
        self.ids = torch.cat([self.ids, tokens[:, None]], 1)
        states = self.model.decoder(self.ids, self.memory, self.model.prompts)
        return self.model.report_head(states[:, -1]).log_softmax(-1)

    def reorder(self, rows: Tensor) -> None:
        """Keep the given rows."""
        self.ids = self.ids[rows]


@torch.inference_mode()
def decoding() -> list[Row]:
    """Time both and compare their text."""
    model = load_model("dcrrg").model
    corpus = load_corpus("phantom", test=FILMS)
    films = torch.from_numpy(load_films(corpus.split("test")[:FILMS], model.config.image_size)).to(model.device)
    memory = model.memory(model.image_observations(films))
    start = torch.full((len(films),), model.tokenizer.convert_tokens_to_ids(REPORT_START)).to(films.device)

    def write(state: DecodingState, first: Tensor) -> list[list[int]]:
        return beam_search(
            state,
            first,
            end=model.tokenizer.eos_token_id,
            pad=model.tokenizer.pad_token_id,
            beams=BEAMS,
            max_length=model.config.max_report,
        )

    def cached() -> list[list[int]]:
        return write(CachedDecoding(model.decoder, model.report_head, memory, BEAMS, model.prompts), start)

    def plain() -> list[list[int]]:
        return [write(Uncached(model, memory[row : row + 1]), start[row : row + 1])[0] for row in range(len(films))]

    ours, texts = timed(cached, REPEATS)
    other, theirs = timed(plain)
    same = sum(a == b for a, b in zip(texts, theirs, strict=True))
    where = torch.cuda.get_device_name(0) if films.is_cuda else f"{torch.get_num_threads()} threads"
    work = f"beam-{BEAMS} decoding, {FILMS} films, {where}, against no cache, one film a time"
    return [Row(work, ours, other, other / ours, ">= 5x, same text", f"same text {same} of {FILMS}")]


if __name__ == "__main__":
    run(__doc__, {"decoding": decoding})
