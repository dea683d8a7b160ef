"""Entries, boards and the site, from real evaluations of small systems; the page's script runs in headless Chromium."""

import html
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.leaderboard.board import ColumnKey, boards_of
from rrgbench.leaderboard.entry import differences, entries_of, read_entries, read_entry, with_copied, write_entry
from rrgbench.leaderboard.site import write_site
from rrgbench.reproduction.registry import PublishedSystem
from rrgbench.runs.baseline import read_side
from rrgbench.runs.records import Record
from rrgbench.scoring.signature import parse
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

HOSTILE = "<script>alert(1)</script>"
F1 = ColumnKey("clinical_efficacy", "ce_f1", "micro")


class Writer:
    """Writes the reference for a share of the films, and else one report."""

    image_size = 32

    def __init__(self, corpus, name, share):
        self.name, self.identity = name, f"{name}@1"
        studies = corpus.split("test")
        few = int(share * len(studies))
        texts = [one.report if at < few else "The lungs are clear." for at, one in enumerate(studies)]
        self.reports = dict(zip([one.images[0].load(32).tobytes() for one in studies], texts, strict=True))

    def generate_reports(self, images):
        return [self.reports[film.tobytes()] for film in images]


@pytest.fixture(scope="module")
def corpus():
    return load(train=6, validate=2, test=40, retrieval=0)


@pytest.fixture(scope="module")
def runs(corpus, tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    tasks = {"report_generation": {}, "clinical_efficacy": {}}
    suite = Suite(name="few", replicates=100, trivial=("most-frequent",), tasks=tasks)
    found = {}
    for name, share in (("good", 0.9), ("fair", 0.85), ("same", 0.0)):
        evaluate(Writer(corpus, name, share), corpus, suite, place / name)
        found[name] = read_side(place / name)
    return found


@pytest.fixture(scope="module")
def entries(runs):
    systems = [entries_of(side, [name], source="tests")[0] for name, side in runs.items()]
    return [*systems, *entries_of(runs["good"], ["most-frequent", "best-constant"])]


def test_an_entry_is_read_as_it_was_written(entries, tmp_path):
    for one in entries:
        assert read_entry(write_entry(one, tmp_path)) == one
    assert sorted(read_entries(tmp_path), key=lambda one: one.system) == sorted(entries, key=lambda one: one.system)


def test_an_entry_says_what_the_run_says(entries, runs):
    mine = {record.identity: record for record in runs["good"].records if record.model == "good"}
    assert {record.identity: record for record in entries[0].records} == mine
    assert entries[0].audit.studies == 40
    assert len(entries[0].reports_sha256) == 64
    assert "The lungs" not in entries[0].model_dump_json()


def test_a_value_of_cells_does_not_count_them_as_studies(runs):
    side = runs["good"]
    first = next(at for at, one in enumerate(side.records) if one.model == "good" and one.signature)
    records = list(side.records)
    records[first] = replace(records[first], n=40 * 14, observation=None)
    assert entries_of(replace(side, records=records), ["good"])[0].audit.studies == 40


def test_studies_are_those_whose_reports_were_scored(runs):
    side = runs["good"]
    scored = next(
        one for one in side.records if one.model == "good" and one.signature and "|protocol:" in one.signature
    )
    films = "rrgbench:0.2|corpus:phantom@3be6|split:test|n:500|labels:film"
    more = replace(scored, task="classification", metric="auroc", setting="own", value=0.7, n=500, signature=films)
    assert entries_of(replace(side, records=[*side.records, more]), ["good"])[0].audit.studies == 40


def test_a_system_without_reports_stands_on_the_board_of_those_that_write(runs, tmp_path):
    """An image encoder has AUROCs alone, whose signatures name no protocol; the run has one."""
    side = runs["good"]
    corpus = side.records[0].corpus
    probe = Record(
        *("classification", "encoder", corpus, "test", "auroc"),
        setting="linear",
        fraction=1.0,
        value=0.7,
        n=40,
        signature=f"rrgbench:0.2|corpus:{corpus}|split:test|n:40|labels:film",
    )
    entries = entries_of(replace(side, records=[*side.records, probe]), ["good", "encoder"])
    assert {one.protocol for one in entries} == {"dcrrg@2"}
    assert len(boards_of(entries)) == 1
    write_site(tmp_path, boards_of([*entries, *entries_of(runs["same"], ["same", "best-constant"])]))
    assert "1 of 2 systems is no better" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_constant_system_is_found_out(entries):
    good, _, same, trivial, constant = entries
    assert good.audit.warnings == ()
    assert same.audit.distinct_reports == 1
    assert any("1 distinct reports for 40 studies" in text for text in same.audit.warnings)
    assert "BLEU-4" in same.audit.loses_to_constant
    assert any("at least as good in" in text for text in same.audit.warnings)
    assert (trivial.kind, constant.kind) == ("trivial", "trivial")
    assert constant.audit.warnings == ()


def test_lists_that_differ_are_told_by_what_came_and_went(entries):
    one = entries[0]
    said, again = (
        one.model_copy(update={"audit": one.audit.model_copy(update={"warnings": told, "loses_to_constant": lost})})
        for told, lost in ((("a", "b"), ("BLEU-4",)), (("b", "c"), ()))
    )
    assert differences(said, again) == [
        "audit, loses_to_constant: no longer: BLEU-4",
        "audit, warnings: recomputed also: c; no longer: a",
    ]


def test_copied_references_are_said(entries):
    assert "95 % of the reports are the reference word for word" in with_copied(entries[0], 0.95).audit.warnings
    assert with_copied(entries[0], 0.2).audit.warnings == ()


def test_two_files_of_one_system_are_refused(entries, tmp_path):
    shutil.copy(write_entry(entries[0], tmp_path), tmp_path / "another.yaml")
    with pytest.raises(InputError, match="both of good"):
        read_entries(tmp_path)


@pytest.mark.parametrize("changed", [{"reports_sha256": "0" * 64}, {"model": "good@2"}])
def test_an_entry_of_other_outputs_is_replaced_only_if_that_is_wished(entries, tmp_path, changed):
    file = write_entry(entries[0], tmp_path)
    before = file.read_bytes()
    write_entry(entries[0], tmp_path)
    assert file.read_bytes() == before
    other = entries[0].model_copy(update=changed)
    with pytest.raises(InputError, match=r"is an entry of good already, of .*, not .*--replace") as caught:
        write_entry(other, tmp_path)
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == before
    assert read_entry(write_entry(other, tmp_path, replace=True)) == other


def test_ranks_are_as_sure_as_the_evidence(entries, runs):
    (loose,) = boards_of(entries)
    (paired,) = boards_of(entries, list(runs.values()))
    found = {one.system: standings[F1] for one, standings in loose.rows}
    assert (found["good"].best, found["fair"].best) == (1, 1)  # their intervals meet
    assert found["same"].best > found["good"].best
    assert (found["best-constant"].best, found["best-constant"].worst) == (0, 0)  # a line, not a rival
    sure = {one.system: standings[F1] for one, standings in paired.rows}
    assert sure["good"].paired
    assert not found["good"].paired
    assert sure["same"].worst == 4 or sure["same"].beaten
    for standing in (*found.values(), *sure.values()):
        assert standing.best <= standing.worst


def resigned(entry, change):
    """An entry whose values were made in another way: `change` makes its signatures of those it has."""
    return entry.model_copy(
        update={"signatures": {short: str(change(parse(text))) for short, text in entry.signatures.items()}}
    )


def test_values_made_in_different_ways_are_not_ranked_against_each_other(entries, tmp_path):
    good, fair, same, *_ = entries
    other = resigned(same, lambda one: replace(one, labeler="chexbert@1", uncertain="negative"))
    (board,) = boards_of([good, fair, other])
    standings = {one.system: found[F1] for one, found in board.rows}
    assert (standings["same"].best, standings["same"].worst) == (1, 3)
    assert standings["same"].unlike == ("good", "fair")
    assert standings["good"].unlike == ("same",)
    pages = [path.read_text() for path in write_site(tmp_path, [board])]
    assert any("made otherwise than good, fair, so neither is above the other" in html.unescape(one) for one in pages)


def test_resamples_of_another_seed_are_not_paired(entries, runs):
    good, _, same, *_ = entries

    def drawn_again(signature):
        return signature.with_extras(bootstrap="percentile-100-95-seed1")

    def record_again(record):
        return replace(record, signature=record.signature and str(drawn_again(parse(record.signature))))

    side = replace(runs["same"], records=tuple(map(record_again, runs["same"].records)))
    (board,) = boards_of([good, resigned(same, drawn_again)], [runs["good"], side])
    standings = {one.system: found[F1] for one, found in board.rows}
    assert not standings["good"].paired
    assert standings["good"].unlike == ()
    assert standings["same"].best == 2, "intervals tell them apart"


def test_systems_stand_above_trivial_ones_by_the_leading_column(entries):
    (board,) = boards_of(entries)
    assert board.leading == F1
    assert [one.system for one, _ in board.rows][:3] == ["good", "fair", "same"]
    assert {one.kind for one, _ in board.rows[3:]} == {"trivial"}
    assert "same" in board.losers["BLEU-4"]
    assert "good" not in board.losers["BLEU-4"]


@pytest.mark.parametrize(
    ("protocol", "leads"), [("dcrrg@2", "micro"), ("r2gen@2", "macro"), ("installed-elsewhere@1#ab12", "micro")]
)
def test_a_board_is_sorted_by_clinical_efficacy_as_its_protocol_averages_it(entries, protocol, leads):
    (board,) = boards_of([one.model_copy(update={"protocol": protocol}) for one in entries])
    assert board.leading == replace(F1, setting=leads)
    assert board.columns[0] == board.leading


def test_a_system_that_answers_for_fewer_stands_apart(entries):
    fewer = entries[1].model_copy(update={"audit": entries[1].audit.model_copy(update={"studies": 30})})
    assert sorted(board.studies for board in boards_of([entries[0], fewer])) == [30, 40]


def test_boards_of_two_splits_and_sizes_are_two_pages_and_two_files(entries, tmp_path):
    test = entries[0]
    other = test.model_copy(update={"split": "validate"})
    fewer = test.model_copy(update={"audit": test.audit.model_copy(update={"studies": 30})})
    files = {write_entry(one, tmp_path / "entries") for one in (test, other, fewer)}
    assert len(files) == 3
    boards = boards_of(read_entries(tmp_path / "entries"))
    assert len({board.slug for board in boards}) == 3
    assert len(write_site(tmp_path / "site", boards)) == 1 + 3 + 3


def test_a_board_shows_probes_and_of_several_seeds_the_mean(entries):
    probe = {"task": "classification", "metric": "auroc", "setting": "linear", "value": 0.7}
    shares = [{**probe, "fraction": share, "seed": 0} for share in (0.01, 1.0)]
    tuned = {**probe, "setting": "finetune", "fraction": 1.0}
    repeated = [{**tuned, "seed": seed, "value": value} for seed, value in enumerate((0.7, 0.9))]
    blank = {"task": "film_use", "metric": "film_gain", "reason": "the model does not say"}
    (board,) = boards_of([entries[0].model_copy(update={"values": (*shares, *repeated, blank)})])
    linear = tuple(ColumnKey("classification", "auroc", "linear", share) for share in (0.01, 1.0))
    assert board.columns == (linear[0], linear[1], ColumnKey("classification", "auroc", "finetune", 1.0))
    ((_, standings),) = board.rows
    *single, mean = [one.record for one in standings.values()]
    assert [one.value for one in single] == [0.7, 0.7]
    assert (mean.value, mean.seed) == (pytest.approx(0.8), None)
    assert mean.low < 0.7, "Student's t of two values is wider than they are apart"
    assert mean.high == 1.0
    assert mean.reason == "mean over 2 seeds; the interval covers seeds alone"


def test_three_trainings_are_one_entry_whose_values_are_means(corpus, tmp_path):
    """`submit` and `check` take their run folders together; trivial systems, the same in each, stay as they are."""
    suite = Suite(
        name="few",
        replicates=100,
        trivial=("most-frequent",),
        tasks={"report_generation": {}, "clinical_efficacy": {}},
    )
    folders = [tmp_path / f"seed-{seed}" for seed in range(3)]
    for folder, share in zip(folders, (0.9, 0.6, 0.3), strict=True):
        trained = Writer(corpus, "mine", share)
        trained.identity = f"mine@{share}"
        evaluate(trained, corpus, suite, folder)
    given = [word for folder in folders for word in ("--run", str(folder))]
    done = CliRunner().invoke(
        app, ["leaderboard", "submit", *given, "--trivial", "--out", str(tmp_path / "entries")], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    mine, *trivial = sorted(read_entries(tmp_path / "entries"), key=lambda one: one.kind)
    assert (mine.system, mine.trainings, mine.model) == ("mine", 3, "mine@0.9, mine@0.6, mine@0.3")
    assert {one.trainings for one in trivial} == {1}
    each = [read_side(folder).records for folder in folders]
    f1 = [next(r for r in own if (r.model, r.metric, r.setting) == ("mine", "ce_f1", "micro")) for own in each]
    (board,) = boards_of([mine, *trivial])
    shown = board.values["mine"][F1]
    assert shown.value == pytest.approx(sum(one.value for one in f1) / 3)
    assert shown.low < min(one.low for one in f1), "three trainings that differ so much say little of their mean"
    assert mine.audit.distinct_reports == min(
        int(r.value) for own in each for r in own if (r.model, r.metric) == ("mine", "distinct_reports")
    )
    pages = write_site(tmp_path / "site", [board])
    assert any("3 trainings with different seeds" in page.read_text(encoding="utf-8") for page in pages)
    file = tmp_path / "entries" / mine.file_name
    check = ["leaderboard", "check", str(file)]
    assert CliRunner().invoke(app, [*check, *given]).exit_code == 0
    fewer = CliRunner().invoke(app, [*check, *given[:4]])
    assert fewer.exit_code != 0
    assert "differs: trainings: 3 in the entry, 2 recomputed" in fewer.output
    twice = CliRunner().invoke(app, ["leaderboard", "submit", *given[:2], *given[:2], "--out", str(tmp_path / "twice")])
    assert "runs of the same model" in str(twice.exception)


def test_a_folder_that_is_not_there_and_a_table_without_names_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no folder .*typo"):
        read_entries(tmp_path / "typo")
    (tmp_path / "table.csv").touch()
    with pytest.raises(InputError, match=r"table\.csv is no table"):
        write_site(tmp_path / "site", [], (), tmp_path)


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.links += [found["href"]] if tag == "a" and "href" in found else []
        self.ids |= {found["id"]} if "id" in found else set()


@pytest.fixture(scope="module")
def site(entries, runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    hostile = entries[0].model_copy(
        update={"system": HOSTILE, "description": HOSTILE, "source": "\x1b[31m" + HOSTILE, "model": HOSTILE}
    )
    printed = {"corpus": "Phantom, test", "source": "a paper", "protocol": "dcrrg@1", "figures": {"bleu_4": ".175"}}
    published = [PublishedSystem.model_validate({"system": HOSTILE, "results": [printed]})]
    pages = write_site(out, boards_of([*entries, hostile], list(runs.values())), published)
    return out, pages


def test_every_link_of_the_site_leads_somewhere(site):
    out, pages = site
    parsed = {}
    for page in pages:
        parsed[page.name] = _Links()
        parsed[page.name].feed(page.read_text(encoding="utf-8"))
    for name, found in parsed.items():
        for link in found.links:
            target, _, anchor = link.partition("#")
            assert (out / (target or name)).is_file(), f"{name} links to {link}"
            assert not anchor or anchor in parsed[target or name].ids, f"{name} links to {link}"
    assert {"index.html", "published.html"} <= set(parsed)


def test_hostile_names_are_text_on_every_page(site):
    for page in site[1]:
        text = page.read_text(encoding="utf-8")
        assert HOSTILE not in text
        assert "\x1b" not in text
        assert len(re.findall("<script", text)) <= 1


def test_printed_figures_stand_apart(site):
    out, pages = site
    (board,) = [page for page in pages if page.name.endswith("-40.html")]
    text = board.read_text(encoding="utf-8")
    recomputed, _, printed = text.partition("As printed by others")
    assert ".175" in printed
    assert ".175" not in re.sub(r"0\.\d+", "", recomputed)
    assert "1 of 4 systems is no better" in (out / "index.html").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_sorting_and_filtering_work_in_a_browser(site, tmp_path):
    (board,) = [page for page in site[1] if page.name.endswith("-40.html")]
    probe = """<script>
const names = () => [...document.querySelectorAll("tbody.system tr:not([hidden]) th")].map(one => one.dataset.sort);
const told = {first: names()};
const heads = [...document.querySelectorAll("thead th")];
const bleu = heads.find(head => head.textContent.includes("BLEU-4"));
bleu.querySelector("button").click(); told.down = names(); told.sort = bleu.getAttribute("aria-sort");
bleu.querySelector("button").click(); told.up = names();
const box = document.getElementById("filter"); box.value = "fai"; box.dispatchEvent(new Event("input"));
told.found = names();
document.getElementById("trivial").click(); told.trivial = document.querySelector("tbody.trivial").hidden;
document.title = JSON.stringify(told);
</script>"""
    page = tmp_path / "page.html"
    page.write_text(board.read_text(encoding="utf-8").replace("</body>", probe + "</body>"), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(html.unescape(re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)[1]))
    assert told["first"][-1] == "same"
    assert told["sort"] == "descending"
    assert sorted(told["up"]) == sorted(told["down"])
    assert told["up"][0] == "same"
    assert told["found"] == ["fair"]
    assert told["trivial"] is True


def test_submit_check_and_build_from_a_file_of_outputs(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [
        f"--option={name}={count}" for name, count in (("train", 6), ("validate", 2), ("test", 40), ("retrieval", 0))
    ]
    rows = [{"study_id": one.study_id, "report": one.report} for one in corpus.split("test")]
    Path("preds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def rrgbench(*words):
        return CliRunner().invoke(app, ["leaderboard", *words])

    done = rrgbench("submit", "preds.jsonl", "--name", "Copyist", *options, "--out", "entries")
    assert done.exit_code == 0, done.output
    (file,) = Path("entries").glob("*.yaml")
    assert "100 % of the reports are the reference word for word" in file.read_text()
    again = ["check", str(file), "--predictions", "preds.jsonl", *options, "--work", "again"]
    assert rrgbench(*again).exit_code == 0
    # in folders of their own, whatever outputs a system of this name had before
    Path("others.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [rows[-1], *rows[:-1]]).replace("no ", "")
    )
    for _ in range(2):
        moved = rrgbench("check", str(file), "--predictions", "others.jsonl", *options)
        assert moved.exit_code == 1
    assert "reports of Copyist are other texts" in " ".join(moved.output.split())
    assert "nothing that the two sides say" not in " ".join(moved.output.split())
    written = file.read_bytes()
    taken = rrgbench("submit", "others.jsonl", "--name", "Copyist", *options, "--out", "entries")
    assert "is an entry of Copyist already" in str(taken.exception)
    assert file.read_bytes() == written
    assert rrgbench("submit", "preds.jsonl", "--name", "Copyist", *options, "--out", "entries").exit_code == 0
    alone = rrgbench("check", str(file))
    assert "not recomputed" in alone.output
    wrong = yaml.safe_load(file.read_text())
    row = next(one for one in wrong["values"] if one["metric"] == "bleu_4")
    row["value"] = row["value"] - 1e-9
    file.write_text(yaml.safe_dump(wrong))
    refused = rrgbench(*again)
    assert refused.exit_code == 1
    assert "bleu_4" in refused.output
    wrong["audit"]["warnings"] = []
    row["value"] += 1e-9
    file.write_text(yaml.safe_dump(wrong))
    refused = rrgbench(*again)
    assert refused.exit_code == 1
    assert "audit, warnings: recomputed also: 100 % of the reports" in refused.output
    built = rrgbench("build", "--entries", "entries", "--out", "site")
    assert built.exit_code == 0
    assert Path("site/index.html").is_file()


def test_trivial_systems_are_submitted_only_if_asked_for(runs, tmp_path):
    folder = tmp_path / "trivial"
    shutil.copytree(runs["good"].folder, folder)
    rows = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps([row for row in rows if row["model"] == "most-frequent"]))
    arguments = ["leaderboard", "submit", "--run", str(folder), "--out", str(tmp_path / "entries")]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, InputError)
    assert "holds trivial systems alone" in str(refused.exception)
    assert not (tmp_path / "entries").exists()
    assert CliRunner().invoke(app, [*arguments, "--trivial"]).exit_code == 0
    assert len(list((tmp_path / "entries").iterdir())) == 1


@pytest.mark.parametrize("option", [("--name", "Renamed"), ("--protocol", "r2gen")])
def test_a_run_has_its_own_names_and_protocol(runs, tmp_path, option):
    folder = str(runs["good"].folder)
    refused = CliRunner().invoke(
        app, ["leaderboard", "submit", "--run", folder, *option, "--out", str(tmp_path / "new")]
    )
    assert isinstance(refused.exception, InputError)
    assert f"{option[0]} goes with a file of outputs" in str(refused.exception)
    assert not (tmp_path / "new").exists()


def test_a_damaged_entry_is_named(tmp_path):
    (tmp_path / "bad.yaml").write_text("system: x\nvalues: []\n")
    with pytest.raises(InputError, match=r"entry bad\.yaml: "):
        read_entry(tmp_path / "bad.yaml")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_entry_has_finite_numbers(entries, tmp_path, value):
    file = write_entry(entries[0], tmp_path)
    content = yaml.safe_load(file.read_text())
    content["values"][0]["value"] = value
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"1 of its numbers are not finite"):
        read_entry(file)


def test_a_run_without_its_record_gives_no_entry(runs):
    with pytest.raises(InputError, match=r"no run\.json"):
        entries_of(replace(runs["good"], environment={}))
    with pytest.raises(InputError, match="holds no nobody"):
        entries_of(runs["good"], ["nobody"])
    blank = [replace(one, value=None, reason="its server is down") for one in runs["good"].records]
    with pytest.raises(InputError, match=r"no value of good, so there is nothing to enter \(its server is down\)"):
        entries_of(replace(runs["good"], records=blank), ["good"])
    some = [*blank, *(one for one in runs["same"].records if one.model == "same")]
    assert [one.system for one in entries_of(replace(runs["good"], records=some))] == ["same"]


def test_the_entries_that_ship_are_whole_and_make_a_site(tmp_path):
    root = Path(__file__).resolve().parents[2]
    shipped = read_entries(root / "leaderboards" / "entries")
    assert shipped
    for one in shipped:
        assert (root / "leaderboards" / "entries" / one.file_name).is_file()
    for board in boards_of(shipped):
        apart = {key.title for _, found in board.rows for key, standing in found.items() if standing.unlike}
        assert not apart, "a classifier, a prompt or what is read is the system's own"
    pages = write_site(tmp_path, boards_of(shipped), (), root / "leaderboards" / "paper")
    assert len(pages) == 2 + len(shipped) + len(boards_of(shipped))
