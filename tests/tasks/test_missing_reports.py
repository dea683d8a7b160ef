"""Reports that a model declines to write: counted, named, never scored silently; and how often reports are kept."""

import json

import pytest

from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.models import Reads
from rrgbench.tasks.run_comparison import run_comparison
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

SUITE = Suite(name="few", replicates=20, trivial=(), tasks={"report_generation": {}})


@pytest.fixture(scope="module")
def corpus():
    return load(train=4, validate=0, test=12, retrieval=0)


class Declining:
    """Writes of all studies but some; says how it is asked."""

    name, identity = "declining", "declining@1"
    reads = Reads(16)

    def __init__(self, missing, at_a_time=4, prompt="findings@1"):
        self.missing, self.reports_at_a_time = dict(missing), at_a_time
        self.declined, self.asked = {}, []
        self.signed = {"prompt": prompt, "extraction": "report@2"}

    def generate_reports(self, images):
        self.asked.append([one.study_id for one in images])
        self.declined.update(
            {one.study_id: self.missing[one.study_id] for one in images if one.study_id in self.missing}
        )
        return ["" if one.study_id in self.missing else "The lungs are clear ." for one in images]


def test_missing_reports_are_counted_and_named_and_the_others_kept(corpus, tmp_path):
    ids = [study.study_id for study in corpus.split("test")]
    model = Declining({ids[1]: "refused", ids[2]: "refused", ids[9]: "empty"})
    with pytest.raises(InputError) as error:
        evaluate(model, corpus, SUITE, tmp_path)
    assert str(error.value) == (
        f"declining wrote no report of 3 of 12 studies: 2 refused ({ids[1]}, {ids[2]}); 1 empty ({ids[9]}). "
        "The others are kept; to score these as empty reports add --model-option allow=refused,empty"
    )
    assert not (tmp_path / "results.json").exists()
    again = Declining({ids[1]: "refused"})
    with pytest.raises(InputError, match="no report of 1 of 12 studies"):
        evaluate(again, corpus, SUITE, tmp_path)
    assert again.asked == [[ids[1], ids[2], ids[9]]]
    allowing = Declining({})
    run = evaluate(allowing, corpus, SUITE, tmp_path)
    assert allowing.asked == [[ids[1]]]
    assert run.value("report_generation", "distinct_reports", "declining") == 1


def test_reports_are_written_down_as_often_as_the_model_asks(corpus, tmp_path):
    ids = [study.study_id for study in corpus.split("test")]

    class Killed(Declining):
        def generate_reports(self, images):
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().generate_reports(images)

    with pytest.raises(KeyboardInterrupt):
        evaluate(Killed({}, at_a_time=2), corpus, SUITE, tmp_path)
    (part,) = tmp_path.glob("predictions/*.part")
    assert [json.loads(line)["study_id"] for line in part.read_text().splitlines()] == ids[:4]
    resumed = Declining({}, at_a_time=5)
    evaluate(resumed, corpus, SUITE, tmp_path)
    assert [study_id for asked in resumed.asked for study_id in asked] == ids[4:]


def test_signatures_say_how_a_model_was_asked_and_runs_of_two_prompts_are_compared(corpus, tmp_path):
    runs = [
        evaluate(Declining({}, prompt=prompt), corpus, SUITE, tmp_path / str(number))
        for number, prompt in enumerate(("findings@1", "findings@2"))
    ]
    signatures = [one.signature or "" for one in runs[0].records if one.model == "declining"]
    assert signatures
    assert all("|prompt:findings@1|extraction:report@2|" in f"{one}|" for one in signatures)
    assert run_comparison(tmp_path / "0", tmp_path / "1").differences
