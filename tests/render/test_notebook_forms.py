"""How results and data show themselves in a notebook, and in one line."""

import base64
import io
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rrgbench
from rrgbench.data.corpus import Corpus
from rrgbench.data.study import Study, blank_labels
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.runs.records import Record
from rrgbench.tasks.runner import Run

NASTY = '<script>alert("1")</script> & <img src=x onerror=y>\x1b[31m'


@dataclass(frozen=True)
class Ramp:
    view: str = "PA"
    broken: bool = False

    def load(self, size: int):
        if self.broken:
            raise InputError("film ramp.png can't be read")
        return np.tile(np.linspace(0, 255, size).astype(np.uint8), (size, 1))


def study(number: int = 0, **more) -> Study:
    labels = blank_labels()
    labels[OBSERVATIONS.index("Edema")] = POSITIVE
    labels[OBSERVATIONS.index("Pneumonia")] = UNCERTAIN
    fields = {"images": (Ramp(),), "report": "No effusion .", "labels": labels, "labels_source": "film"}
    return Study(f"s{number}", f"p{number}", "test", **fields | more)


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attributes)["src"])


def test_a_study_shows_film_and_report_side_by_side() -> None:
    one = study()
    assert repr(one) == "Study('s0': test, 1 film (PA), report of 3 words, positive: Edema)"
    page = one._repr_html_()
    (source,) = Elements(page).images
    film = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,"))))
    assert np.array_equal(np.asarray(film), Ramp().load(film.size[0]))
    for words in ("No effusion .", "positive: Edema", "uncertain: Pneumonia", "labels: film"):
        assert words in page


@pytest.mark.parametrize("more", [{"images": ()}, {"images": (Ramp(broken=True),)}])
def test_a_study_without_a_film_that_can_be_shown_shows_the_rest(more) -> None:
    page = study(**more)._repr_html_()
    assert "<img" not in page
    assert "No effusion ." in page
    assert ("can&#39;t be read" in page) == bool(more["images"])


def test_a_study_that_knows_little() -> None:
    bare = study(images=(Ramp(""), Ramp("")), report=None, labels=None)
    assert repr(bare) == "Study('s0': test, 2 films, no report, no labels)"
    assert "positive" not in bare._repr_html_()


def test_a_corpus_shows_its_splits_and_finds_its_studies() -> None:
    corpus = Corpus("mine", "ab12cd", (study(1), study(2)), ("Edema",), license_note="ask first")
    assert repr(corpus) == "Corpus(mine@ab12: test 2)"
    page = corpus._repr_html_()
    for words in ("mine@ab12", "labels speak about: Edema", "ask first"):
        assert words in page
    assert corpus["s2"] is corpus.studies[1] is corpus[-1]
    with pytest.raises(KeyError, match="corpus mine has no study 's3'; the test split has for instance s"):
        corpus["s3"]
    with pytest.raises(KeyError, match=r"no split is called 'tst'; did you mean 'test'\?"):
        corpus.split("tst")
    with pytest.raises(InputError, match="no 'train' split"):
        corpus.split("train")


def test_scores_and_comparisons_show_their_tables() -> None:
    references = ["the heart is normal .", "no pleural effusion .", "there is edema ."]
    written = ["the heart is large .", "no pleural effusion .", "no edema ."]
    scores = rrgbench.score(references, written, replicates=20)
    assert re.fullmatch(
        r"Scores\(CE F1 [\d.]+ \[[\d., ]+\], BLEU-4 .*, CIDEr .*, 7 more, n=3, protocol=dcrrg@2\)", repr(scores)
    )
    compared = rrgbench.compare({NASTY: written, "b": references}, references, permutations=20, metrics=["bleu_1"])
    assert "1 metric, 0 of 1 differences significant, n=3)" in repr(compared)
    for page, words in ((scores._repr_html_(), "ROUGE-L"), (compared._repr_html_(), "BLEU-1")):
        assert words in page
        assert {"table", "details"} < set(Elements(page).tags)


def test_a_run_shows_its_headline_numbers() -> None:
    made = {"task": "report_generation", "corpus": "c@1", "split": "test", "metric": "bleu_4"}
    records = (
        Record(model="mine", value=0.25, n=3, **made),
        Record(model="other", reason="it writes no reports", **made),
    )
    run = Run(Path("runs/x"), records)
    assert repr(run) == "Run('runs/x': 1 values, 1 blank)"
    assert "0.250" in run._repr_html_()
    assert run.value("report_generation", "bleu_4", "mine") == 0.25
    for arguments, meant in (
        (("report_generatio", "bleu_4", "mine"), "report_generation"),
        (("report_generation", "blue_4", "mine"), "bleu_4"),
        (("report_generation", "bleu_4", "mien"), "mine"),
    ):
        with pytest.raises(KeyError, match=rf"did you mean '{meant}'"):
            run.value(*arguments)
    with pytest.raises(InputError, match=r"0 records fit .*; there are: report_generation/mine/c@1/test/bleu_4"):
        run.value("report_generation", "bleu_4", "mine", k=5)


def test_whatever_comes_from_data_is_text() -> None:
    corpus = Corpus(NASTY, "ab12cd", (study(report=NASTY, labels_source=NASTY),), license_note=NASTY)
    for page in (corpus._repr_html_(), corpus[0]._repr_html_()):
        found = Elements(page)
        assert "script" not in found.tags
        assert all(source.startswith("data:image/png;base64,") for source in found.images)
        assert "\x1b" not in page
