"""Tables of judgements as people write them: the same judgements in every layout give the same figures."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.scoring.options import scoring
from rrgbench.trials.expert_tables import RATERS, ExpertResult
from rrgbench.trials.experts import PREFERENCE, RHO, TAU, ExpertTrial, Scored, run_expert_trial
from rrgbench.trials.judgements import named_columns, read_judgements
from rrgbench.trials.judgements.judgements import ERRORS, RATING, SIGNIFICANT, STATED, Judgements

Row = dict[str, object]

TEXTS = (
    ("Small left pleural effusion. No pneumothorax.", "There is a small left effusion.", "Large pneumothorax; mass."),
    ("The heart is normal, the lungs are clear.", "Normal heart. Clear lungs.", "Left upper lobe mass."),
    ("Right lower lobe pneumonia.", "Pneumonia in the right lower lobe.", "The lungs are clear."),
    ("Moderate cardiomegaly with pulmonary edema.", "Moderate cardiomegaly and edema.", "Normal heart size. No edema."),
)
CATEGORIES = (
    *("false_finding", "missing_finding", "wrong_location", "wrong_severity"),
    *("false_comparison", "missing_comparison"),
)
REXVAL = (
    *("False prediction of finding", "Omission of finding", "Incorrect location/position of finding"),
    *("Incorrect severity of finding", "Mention of comparison that is not present in the reference"),
    "Omission of comparison describing a change from a previous study",
)


SAID = ("rating", "errors", "significant_errors")


def number(value: float, sign: int = 1) -> str:
    return "" if np.isnan(value) else f"{sign * value:g}"


@dataclass(frozen=True)
class Told:
    """Judgements of two reports a study, from which tables are written."""

    judged: Judgements

    @property
    def cells(self) -> list[tuple[int, int]]:
        return [(c, r) for c in range(len(self.judged.reports)) for r in range(len(self.judged.raters))]

    def texts(self, c: int) -> Row:
        return {"study_id": self.judged.study_ids[c], "reference": self.judged.references[c]}

    def all_said(self, c: int, r: int) -> list[str]:
        return [self.said(target, c, r) for target in (RATING, ERRORS, SIGNIFICANT)]

    def said(self, target: str, c: int, r: int) -> str:
        return number(self.judged.values[target][c, r], 1 if target == RATING else -1)

    def long(self, **columns: str) -> list[Row]:
        """A row a rater and report; columns may be called otherwise."""
        rows = []
        for c, r in self.cells:
            row = {**self.texts(c), "report": self.judged.reports[c], "rater": self.judged.raters[r]}
            row |= {"candidate": self.judged.candidates[c], "rating": self.said(RATING, c, r)}
            row |= {"errors": self.said(ERRORS, c, r), "significant_errors": self.said(SIGNIFICANT, c, r)}
            rows.append({columns.get(key, key): value for key, value in row.items()})
        return rows

    def wide(self, form: str, called: Sequence[str] = "123") -> list[Row]:
        """A row a report, a column a rater."""
        raters = range(len(self.judged.raters))
        return [
            {
                **self.texts(c),
                "report": self.judged.reports[c],
                **{form.format("rating", called[r]): self.said(RATING, c, r) for r in raters},
                **{form.format("errors", called[r]): self.said(ERRORS, c, r) for r in raters},
                **{form.format("significant_errors", called[r]): self.said(SIGNIFICANT, c, r) for r in raters},
            }
            for c in range(len(self.judged.reports))
        ]

    def nested(self, judgements: str = "") -> list[Row]:
        """A study with the list of its candidates, each with its ratings by rater or a list of judgements."""
        studies: dict[str, Row] = {}
        lists: dict[str, list[Row]] = {}
        for c, row in enumerate(self.wide("{}_r{}")):
            texts = self.texts(c)
            one: Row = {key: value for key, value in row.items() if key not in texts}
            if judgements:
                raters = range(len(self.judged.raters))
                said = [{"rater": f"r{r}", **dict(zip(SAID, self.all_said(c, r), strict=True))} for r in raters]
                one = {"id": self.judged.candidates[c], "report": row["report"], judgements: said}
            lists.setdefault(self.judged.study_ids[c], []).append(one)
            studies[self.judged.study_ids[c]] = {**texts, "history": [{"report": "Cough.", "age": 4}]}
        return [{**study, "candidates": lists[key]} for key, study in studies.items()]

    def beside(self, report: str, sides: Sequence[str]) -> list[Row]:
        """A row a rater and study, its reports beside each other."""
        return [
            {
                **self.texts(c),
                **{report.format(side): self.judged.reports[c + at] for at, side in enumerate(sides)},
                "rater": self.judged.raters[r],
                **{f"rating_{side}": self.said(RATING, c + at, r) for at, side in enumerate(sides)},
                **{f"{side}_errors": self.said(ERRORS, c + at, r) for at, side in enumerate(sides)},
                **{f"significant errors {side}": self.said(SIGNIFICANT, c + at, r) for at, side in enumerate(sides)},
            }
            for c, r in self.cells
            if c % 2 == 0
        ]

    def by_category(self, significant: str, insignificant: str, categories: Sequence[str]) -> list[Row]:
        generator = np.random.default_rng(0)
        rows = []
        for c, r in self.cells:
            heavy = -self.judged.values[SIGNIFICANT][c, r]
            light = -self.judged.values[ERRORS][c, r] - heavy
            row = {**self.texts(c), "report": self.judged.reports[c], "rater": self.judged.raters[r]}
            for form, count in ((significant, heavy), (insignificant, light)):
                split = generator.multinomial(int(count), [1 / len(categories)] * len(categories))
                row |= {form.format(name): int(n) for name, n in zip(categories, split, strict=True)}
            rows.append({**row, "rating": self.said(RATING, c, r)})
        return rows

    def preferences(self, says: Callable[[int], object], *, turned: bool = False) -> list[Row]:
        """A row a rater and study: 1 for the first report, -1 for the second, 0 for a tie, as `says` writes it."""
        rows = []
        for c, r in self.cells:
            if c % 2:
                continue
            first, second = (c + 1, c) if turned and (c // 2 + r) % 2 else (c, c + 1)
            order = int(np.sign(self.judged.values[RATING][first, r] - self.judged.values[RATING][second, r]))
            row = {**self.texts(c), "report_a": self.judged.reports[first], "report_b": self.judged.reports[second]}
            rows.append({**row, "rater": self.judged.raters[r], "preference": says(order)})
        return rows


def invented(folder: Path) -> Judgements:
    generator = np.random.default_rng(3)
    rows = []
    for at, (reference, good, bad) in enumerate(TEXTS):
        for name, report, base in (("C1", good, 4), ("C2", bad, 2)):
            for rater in "123":
                rating = base + int(generator.integers(-1, 2))
                errors = int(generator.integers(0, 3)) + (name == "C2")
                row = {"study_id": f"s{at}", "reference": reference, "report": report, "candidate": name}
                said = {"rating": rating, "errors": errors, "significant_errors": min(errors, 5 - rating)}
                rows.append({**row, "rater": rater, **said})
    return read_judgements(written(folder / "invented.csv", rows))


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(invented(tmp_path))


@pytest.fixture
def real(shared: Path) -> Told:
    return Told(read_judgements(shared / "expert_judgements"))


def written(path: Path, rows: Sequence[Row], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    else:
        stream = io.StringIO(newline="")
        table = csv.DictWriter(stream, rows[0], delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)
        content = stream.getvalue().encode(encoding)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def figures(judged: Judgements) -> dict[tuple[str, ...], float]:
    """All figures under a metric made up of the texts' lengths, which needs no scoring."""
    from rrgbench.metrics.catalogue import entry

    values = np.array([[-abs(len(a) - len(b)), len(set(a) & set(b))] for a, b in texts_of(judged)], dtype=np.float64)
    trial = ExpertTrial(judged, Scored((entry("rouge_l"), entry("meteor")), values, {}, {}, ""), 50, 0)
    return {
        (*key, end): getattr(one, end)
        for key, one in (*trial.agreement.items(), *trial.ceiling.items())
        for end in ("value", "low", "high")
    }


def texts_of(judged: Judgements) -> list[tuple[str, str]]:
    return list(zip(judged.references, judged.reports, strict=True))


def check_same(found: Judgements, expected: Judgements, targets: Sequence[str] = (RATING, ERRORS, SIGNIFICANT)) -> None:
    assert found.study_ids == expected.study_ids
    assert found.reports == expected.reports
    for target in targets:
        np.testing.assert_array_equal(found.values[target], expected.values[target])
    ours, theirs = figures(found), figures(expected)
    assert ours == pytest.approx({key: theirs[key] for key in ours}, nan_ok=True, abs=1e-12)


FILES = (
    ("a.csv", ",", "utf-8-sig"),
    ("b.csv", ";", "utf-8"),
    ("c.tsv", "\t", "utf-16"),
    ("d.txt", "|", "utf-8"),
    ("e.txt", "\t", "utf-8"),
    ("f.csv.gz", ",", "utf-8"),
    ("g.jsonl", "", ""),
    ("h.json", "", ""),
)
NAMES = (
    {},
    {"study_id": "Study ID", "reference": "Ground-Truth", "report": "Candidate_Report", "rater": "Reader"},
    {"study_id": "case", "reference": "gt", "report": "hypothesis", "candidate": "model", "rating": "likert"},
    {"study_id": "uid", "reference": "reference_report", "report": "generated", "candidate": "System"},
    {"study_id": "image_id", "report": "prediction", "rater": "annotator", "rating": "Score", "errors": "error_count"},
    {"study_id": "id", "rater": "radiologist", "rating": "overall", "errors": "total_errors"},
    {"rater": "rater_id", "rating": "quality", "significant_errors": "clinically_significant_errors"},
    {"study_id": "StudyId", "significant_errors": "sig_errors"},
)


@pytest.mark.parametrize(("name", "delimiter", "encoding"), FILES)
@pytest.mark.parametrize("called", NAMES)
def test_long_tables_are_read_whatever_their_marks_and_usual_names(
    tmp_path: Path, told: Told, name: str, delimiter: str, encoding: str, called: dict[str, str]
) -> None:
    found = read_judgements(written(tmp_path / name, told.long(**called), delimiter, encoding))
    check_same(found, told.judged)
    assert found.raters == told.judged.raters
    assert not found.notes


def shapes(one: Told, folder: Path) -> list[Path]:
    paths = [written(folder / name, one.long(), *marks) for name, *marks in FILES]
    paths.append(written(folder / "shuffled.csv", one.long()[::-1]))
    forms = ("{}_r{}", "{}_{}", "r{1}_{0}", "{} (reader {})", "Radiologist {1} {0}", "{}-{}")
    for at, form in enumerate(forms):
        paths.append(written(folder / f"wide{at}.csv", one.wide(form), ";"))
    beside = (("report_{}", "ab"), ("candidate_{}", "12"), ("{}_report", ("c1", "c2")), ("{} report", ("gpt", "llava")))
    for at, (form, sides) in enumerate(beside):
        paths.append(written(folder / f"beside{at}.csv", one.beside(form, sides)))
    weights = (
        ("significant_{}", "insignificant_{}"),
        ("significant_errors_{}", "insignificant_errors_{}"),
        ("{} (clinically significant)", "{} (not significant)"),
    )
    for at, (heavy, light) in enumerate(weights):
        for categories in (CATEGORIES, REXVAL):
            rows = one.by_category(heavy, light, categories)
            paths.append(written(folder / f"categories{at}{len(categories[0])}.csv", rows))
    for at, form in enumerate(("{}_{}", "{1}_{0}", "{} ({})", "{1} {0} (1-5)")):
        paths.append(written(folder / f"initials{at}.csv", one.wide(form, ("DM", "JK", "RB"))))
    for at, judgements in enumerate(("", "ratings", "annotations")):
        paths.append(written(folder / f"nested{at}.json", one.nested(judgements)))
        paths.append(written(folder / f"nested{at}.jsonl", one.nested(judgements)))
    return paths


def test_every_layout_gives_the_same_figures(tmp_path: Path, told: Told) -> None:
    for path in shapes(told, tmp_path):
        found = read_judgements(path)
        if path.name == "shuffled.csv":
            assert figures(found) == pytest.approx(figures(told.judged), abs=1e-12)
        else:
            check_same(found, told.judged)


def test_every_layout_gives_the_same_figures_on_real_judgements(tmp_path: Path, real: Told) -> None:
    for path in shapes(real, tmp_path):
        found = read_judgements(path)
        if path.name == "shuffled.csv":
            assert figures(found) == pytest.approx(figures(real.judged), abs=1e-12)
        else:
            check_same(found, real.judged)


def test_the_file_of_studies_is_read_with_its_folder(shared: Path) -> None:
    found = read_judgements(shared / "expert_judgements" / "studies.json")
    assert found.name == "expert_judgements"
    assert len(found.raters) == 3


@pytest.mark.parametrize(
    "rating",
    [lambda row: {"r1": float(row["rating_1"]), "r2": None}, lambda row: [float(row["rating_1"]), None]],
)
def test_ratings_by_rater_inside_a_row_of_json_are_columns(tmp_path: Path, told: Told, rating) -> None:
    rows = [{**row, "rating": rating(row)} for row in told.wide("{}_{}")]
    for row in rows:
        for key in [key for key in row if key[-1].isdigit()]:
            del row[key]
    found = read_judgements(written(tmp_path / "a.json", rows))
    np.testing.assert_array_equal(found.mean(RATING), told.judged.values[RATING][:, 0])
    assert len(found.raters) == 1
    assert any("raters who say nothing are left out" in note for note in found.notes)


def test_initials_and_lists_that_were_read_are_said(tmp_path: Path, told: Told) -> None:
    notes = read_judgements(written(tmp_path / "a.csv", told.wide("{}_{}", ("JK", "AB", "OM")))).notes
    assert "initials are taken for raters: AB, JK, OM" in notes
    notes = read_judgements(written(tmp_path / "a.json", told.nested("ratings"))).notes
    assert "each of candidates, ratings is a row" in notes
    assert "columns that are not read: history" in notes


def test_preferences_have_the_initials_of_ratings(tmp_path: Path) -> None:
    columns = [f"{said}_{who}" for who in ("JK", "OM") for said in ("rating_a", "rating_b", "preference")]
    texts = {"reference": "Clear lungs.", "report_a": "Clear.", "report_b": "A mass."}
    rows: list[Row] = [
        {**texts, "study_id": f"s{at}", **{one: "a" if "pref" in one else at for one in columns}} for at in range(3)
    ]
    found = read_judgements(written(tmp_path / "a.csv", rows))
    assert found.raters == ("JK", "OM")
    assert found.preferences is not None
    assert found.preferences.values.shape == (3, 2)
    others = [{key.replace("preference_JK", "preference_r1"): value for key, value in row.items()} for row in rows]
    with pytest.raises(InputError, match="whether a radiologist's rating is in"):
        read_judgements(written(tmp_path / "b.csv", others))


def test_lists_that_say_two_things_are_refused(tmp_path: Path, told: Told) -> None:
    study, *_ = told.nested("ratings")
    with pytest.raises(InputError, match="item 1: candidates, drafts are lists of judgements, and which belong"):
        read_judgements(written(tmp_path / "a.json", [{**study, "drafts": study["candidates"]}]))
    one = {"report": "Clear lungs.", "reference": "A large effusion.", "rating": 1}
    with pytest.raises(InputError, match="item 1, candidates 1: reference stands there and around it") as caught:
        read_judgements(written(tmp_path / "b.json", [{**study, "candidates": [one]}]))
    assert "effusion" not in str(caught.value)
    rows = [{**told.texts(0), "report": "Clear.", "rating": 3, "similar": [{"report": "Mass.", "rating": 1}]}]
    assert read_judgements(written(tmp_path / "c.json", rows)).reports == ("Clear.",)


STUDY: Row = {"study_id": "s1", "reference": "Clear lungs today."}
FOUND: Row = {"report": "An old film.", "score": 0.4}
MINE: Row = {"report": "No pneumothorax seen."}
OTHER: Row = {"report": "Big left effusion."}
BESIDE: Row = {**STUDY, "retrieved": [FOUND, {**FOUND, "score": 0.3}]}


@pytest.mark.parametrize(
    "said",
    [
        {"preference": "a"},
        {"rating_a": 4, "rating_b": 2},
        {"false_finding_a": 4, "false_finding_b": 2},
        {"rating": {"a": 4, "b": 2}},
        {"votes": [{"rater": "r1", "preference": "a"}, {"rater": "r2", "preference": "b"}]},
    ],
)
def test_reports_in_lists_are_no_candidates_beside_those_that_are_judged(tmp_path: Path, said: Row) -> None:
    texts = {"report_a": "Clear.", "report_b": "Dense."}
    found = read_judgements(written(tmp_path / "a.json", [{**BESIDE, **texts, **said}]))
    assert found.reports == tuple(texts.values())


def test_texts_of_which_nothing_is_said_are_no_reports_beside_each_other(tmp_path: Path) -> None:
    rated = [{**MINE, "rating": 1}, {**OTHER, "rating": 2}]
    row = {**STUDY, "report_language": "English", "report_section": "findings", "quality": 3, "candidates": rated}
    assert len(read_judgements(written(tmp_path / "a.json", [row])).reports) == 2


@pytest.mark.parametrize("called", ["prediction", "predictions", "outputs", "reports"])
def test_a_list_of_candidates_may_be_called_as_a_report(tmp_path: Path, called: str) -> None:
    rated = [{**MINE, "rating": 1}, {**OTHER, "rating": 2}]
    assert len(read_judgements(written(tmp_path / "a.json", [{**STUDY, called: rated}])).reports) == 2


def test_a_rating_around_reports_that_were_retrieved_is_not_theirs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rating stands around retrieved, a list of 1.* report=COLUMN"):
        read_judgements(
            written(tmp_path / "a.json", [{**STUDY, "my_text": "Clear.", "rating": 4, "retrieved": [FOUND]}])
        )


def test_a_column_that_is_named_for_the_report_is_the_one_that_is_judged(tmp_path: Path) -> None:
    named = named_columns(["report=my_text"])
    retrieved = [{"report": f"Film {at}.", "similarity": at} for at in range(2)]
    rows = [{**STUDY, "my_text": "Clear lungs.", "rating": 4, "retrieved": retrieved}]
    assert read_judgements(written(tmp_path / "a.json", rows), named).reports == ("Clear lungs.",)
    inside = [{"my_text": "Clear lungs.", "rating": 4}, {"my_text": "A mass.", "rating": 2}]
    found = read_judgements(written(tmp_path / "b.json", [{**STUDY, "outputs": inside}]), named)
    assert found.reports == ("Clear lungs.", "A mass.")


@pytest.mark.parametrize(
    ("said", "first", "second", "message"),
    [
        ({"rating": 2}, {"bleu": 0.1}, {"bleu": 0.2}, "rating stands around candidates, a list of 2, and of which"),
        ({"rating_r1": 2}, {"bleu": 0.1}, {"bleu": 0.2}, "rating_r1 stands around candidates, a list of 2"),
        ({"errors": 2}, {"rating": 1}, {"rating": 2}, "errors stands around candidates, a list of 2"),
        ({"difficulty_rating": 2}, {"bleu": 1}, {"bleu": 2}, "difficulty_rating stands around candidates, a list of 2"),
        ({"false_finding": 2}, {"rating": 1}, {"rating": 2}, "false_finding stands around candidates, a list of 2"),
        ({"rating": 2}, {"rating": 2}, {"bleu": 0.2}, "rating stands around candidates, a list of 2"),
    ],
)
def test_what_stands_around_several_candidates_is_nobodys(
    tmp_path: Path, said: Row, first: Row, second: Row, message: str
) -> None:
    study = {**STUDY, **said, "candidates": [{**MINE, **first}, {**OTHER, **second}]}
    with pytest.raises(InputError, match=rf"a.json, item 1: {message}.*; write it into the objects of the list"):
        read_judgements(written(tmp_path / "a.json", [study]))
    # of a list of one it is that one's, and what isn't read may stand there
    assert (
        len(read_judgements(written(tmp_path / "b.json", [{**study, "candidates": [{**MINE, **first}]}])).reports) == 1
    )
    rated = [{**MINE, "rating": 1}, {**OTHER, "rating": 2}]
    read_judgements(written(tmp_path / "c.json", [{**STUDY, "score": 7, "indication": "Cough.", "candidates": rated}]))


def test_a_count_around_several_raters_ratings_is_nobodys(tmp_path: Path) -> None:
    ratings = [{"rater": one, "rating": 3} for one in "ab"]
    with pytest.raises(InputError, match="candidates 1: errors stands around ratings, a list of 2, and of which"):
        read_judgements(
            written(tmp_path / "a.json", [{**STUDY, "candidates": [{**MINE, "errors": 2, "ratings": ratings}]}])
        )


def test_studies_without_candidates_are_left_out_and_counted(tmp_path: Path, told: Told) -> None:
    bare: list[Row] = [{**STUDY, "study_id": f"x{at}", "candidates": value} for at, value in enumerate(([], None))]
    found = read_judgements(written(tmp_path / "a.json", [bare[0], *told.nested("ratings"), bare[1]]))
    check_same(found, told.judged)
    assert any("2 studies without candidates left out" in note for note in found.notes)


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"candidates": [MINE, OTHER]}, r"2 candidates without any rating: x1/candidate 1, x1/candidate 2; judge them"),
        ({"candidates": [{**MINE, "rating": None}]}, r"1 candidates without any rating: x1/candidate 1; judge them"),
        ({"candidates": [{**MINE, "rating": 2}, OTHER]}, r"1 candidates without any rating: x1/candidate 2; judge"),
        (
            {"candidates": ["No pneumothorax."]},
            r"item 2: no report, and no list of objects with one each in candidates",
        ),
        ({"drafts": []}, r"item 2: no report, and no list of objects with one each in candidates, as others have"),
    ],
)
def test_studies_that_say_nothing_amid_others_are_told(tmp_path: Path, study: Row, message: str) -> None:
    rows = [{**STUDY, "candidates": [{**MINE, "rating": 1}, {**OTHER, "rating": 2}]}, {**STUDY, **study}]
    rows[1]["study_id"] = "x1"
    with pytest.raises(InputError, match=message) as caught:
        read_judgements(written(tmp_path / "a.json", rows))
    assert "pneumothorax" not in str(caught.value)


def test_lists_that_carry_no_judgement_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the reports in candidates carry no judgement; write what is said of each"):
        read_judgements(written(tmp_path / "a.json", [{**STUDY, "candidates": [MINE, {**OTHER, "rating": None}]}]))
    said = [{"rater": one, "rating": 3} for one in "ab"]
    for nothing in ({"ratings": []}, {"ratings": None}, {}):
        rows = [{**STUDY, "candidates": [{**MINE, "ratings": said}, {**OTHER, **nothing}]}]
        with pytest.raises(InputError, match="item 1, candidates 2: no judgement in ratings, as others have"):
            read_judgements(written(tmp_path / "b.json", rows))


def test_what_was_summed_told_and_left_out_is_said(tmp_path: Path, told: Told) -> None:
    rows = [{**row, "rating_mean": 3, "Comment": "fine"} for row in told.wide("{}_r{}")]
    notes = read_judgements(written(tmp_path / "a.csv", rows)).notes
    assert any(note.startswith("a column a rater: rating_r1, rating_r2, rating_r3") for note in notes)
    assert "columns that are not read: rating_mean, Comment" in notes
    rows = told.by_category("significant_{}", "insignificant_{}", CATEGORIES[:2])
    rows[0] = {**rows[0], "significant_false_finding": ""}
    notes = read_judgements(written(tmp_path / "b.csv", rows)).notes
    heavy = "significant_false_finding + significant_missing_finding"
    light = "insignificant_false_finding + insignificant_missing_finding"
    assert f"errors are summed over columns: {heavy} + {light}" in notes
    assert f"significant errors are summed over columns: {heavy}" in notes
    assert any(note.endswith("cells of error categories are blank and count as no error") for note in notes)
    rows = [{**told.texts(0), "report": "Clear.", "false_finding": 2}]
    assert read_judgements(written(tmp_path / "c.csv", rows)).notes == ("errors are of one category: false_finding",)


def test_a_row_a_category_is_summed(tmp_path: Path, told: Told) -> None:
    rows: list[Row] = []
    for c, r in told.cells:
        heavy = int(-told.judged.values[SIGNIFICANT][c, r])
        light = int(-told.judged.values[ERRORS][c, r]) - heavy
        head = {**told.texts(c), "report": told.judged.reports[c], "rater": told.judged.raters[r]}
        for category, weight, count in (("1", "True", heavy), ("1", "False", 0), ("2", "False", light)):
            rows.append({**head, "error_category": category, "clinically_significant": weight, "num_errors": count})
    found = read_judgements(written(tmp_path / "a.csv", rows))
    check_same(found, told.judged, (ERRORS, SIGNIFICANT))
    assert found.notes == (
        "errors are summed over error_category, and those that are clinically_significant by themselves",
    )
    for change, message in (({"clinically_significant": "perhaps"}, "neither True nor False"), (rows[0], "twice")):
        with pytest.raises(InputError, match=message):
            read_judgements(written(tmp_path / "b.csv", [*rows[:1], {**rows[1], **change}]))


def test_numbers_under_raters_names_are_their_ratings(tmp_path: Path, told: Told) -> None:
    rows = [
        {
            **told.texts(c),
            "report": told.judged.reports[c],
            **{f"Reader {r + 1}": told.said(RATING, c, r) for r in range(3)},
        }
        for c in range(len(told.judged.reports))
    ]
    found = read_judgements(written(tmp_path / "a.csv", rows))
    check_same(found, told.judged, (RATING,))
    assert "numbers under raters' names are taken for ratings: Reader 1, Reader 2, Reader 3" in found.notes


SAYS = {
    "letters": {1: "a", -1: "b", 0: "tie"},
    "numbers": {1: 1, -1: 2, 0: 0},
    "sides": {1: "Left", -1: "right", 0: "equal"},
    "words": {1: "Report A", -1: "b better", 0: "no preference"},
    "floats": {1: "1.0", -1: "2.0", 0: "0.0"},
    "degrees": {1: "A much better", -1: "Report B is slightly better", 0: "tie (bothbad)"},
    "signs": {1: "A>B", -1: "report A < report B", 0: "A=B"},
}


@pytest.mark.parametrize("words", SAYS)
@pytest.mark.parametrize("turned", [False, True])
def test_preferences_are_read_as_people_write_them(tmp_path: Path, told: Told, words: str, turned: bool) -> None:
    rows = told.preferences(SAYS[words].__getitem__, turned=turned)
    rows = [{**row, "report_order": 1, "prior_report": "None."} for row in rows]
    found = read_judgements(written(tmp_path / "a.csv", rows))
    assert not found.values
    assert found.preferences is not None
    by_text = {report: told.judged.reports.index(report) for report in found.reports}
    ratings = told.judged.values[RATING]
    for first, second, values in zip(
        found.preferences.first, found.preferences.second, found.preferences.values, strict=True
    ):
        at, other = (by_text[found.reports[place]] for place in (first, second))
        np.testing.assert_array_equal(values, np.sign(ratings[at] - ratings[other]))


def test_preferences_by_name_of_system_a_column_a_rater(tmp_path: Path, told: Told) -> None:
    rows = []
    for c in range(0, len(told.judged.reports), 2):
        first, second = (c + 1, c) if c % 4 else (c, c + 1)
        systems = {"system_a": f"net {first % 2}", "system_b": f"net {second % 2}"}
        texts = {"report_a": told.judged.reports[first], "report_b": told.judged.reports[second]}
        choices = {f"preference_r{r}": "net 0" if r else "Tie" for r in range(3)}
        rows.append({**told.texts(c), **systems, **texts, **choices})
    found = read_judgements(written(tmp_path / "a.csv", rows))
    assert found.raters == ("r0", "r1", "r2")
    assert found.preferences is not None
    sign = [1 if found.candidates[place] == "net 0" else -1 for place in found.preferences.first]
    np.testing.assert_array_equal(found.preferences.values, [[0, one, one] for one in sign])


def test_one_raters_preferences_are_the_accuracy_of_their_ratings(tmp_path: Path, told: Told) -> None:
    only = told.judged.raters[0]
    rated = read_judgements(written(tmp_path / "a.csv", [row for row in told.long() if row["rater"] == only]))
    rows = [row for row in told.preferences(SAYS["letters"].__getitem__) if row["rater"] == only]
    stated = read_judgements(written(tmp_path / "b.csv", rows))
    ours, theirs = figures(stated), figures(rated)
    for key in ("rouge_l", "meteor"):
        for end in ("value", "low", "high"):
            assert ours[key, STATED, PREFERENCE, end] == theirs[key, RATING, PREFERENCE, end]
            assert np.isnan(ours[key, STATED, TAU, end])
            assert np.isnan(ours[key, STATED, RHO, end])


def test_real_preferences_are_the_accuracy_of_real_ratings(tmp_path: Path, real: Told) -> None:
    only = real.judged.raters[1]
    rated = read_judgements(written(tmp_path / "a.csv", [row for row in real.long() if row["rater"] == only]))
    rows = [row for row in real.preferences(SAYS["numbers"].__getitem__, turned=True) if row["rater"] == only]
    ours, theirs = figures(read_judgements(written(tmp_path / "b.csv", rows))), figures(rated)
    for end in ("value", "low", "high"):
        found, expected = ours["meteor", STATED, PREFERENCE, end], theirs["meteor", RATING, PREFERENCE, end]
        assert found == pytest.approx(expected, abs=1e-12)


def test_preferences_make_a_table_whose_correlations_are_blank_with_the_reason(tmp_path: Path, told: Told) -> None:
    path = written(tmp_path / "a.csv", told.preferences(SAYS["letters"].__getitem__))
    trial = run_expert_trial(read_judgements(path), scoring("raw", metrics=["findings_f1", "rouge_l"], replicates=50))
    result = ExpertResult(trial)
    first = result.agreement.rows[0]
    assert [cell.value is None for cell in first.cells[:3]] == [True, True, False]
    assert first.cells[0].notes == ("preferences between two reports are no values to correlate with",)
    assert result.agreement.rows[-1].label == RATERS
    assert "preference accuracy" in result.differences.remarks[0]
    content = json.loads(result.to_json())
    assert content["agreement"][0]["reason"] == "preferences between two reports are no values to correlate with"
    result.write_figure(tmp_path / "figure.svg")
    assert "accuracy of preference" in (tmp_path / "figure.svg").read_text()


@pytest.mark.parametrize(
    ("form", "delimiter"), [("{}/5", ","), ("{} / 5", ";"), ("{},5", ";"), ("{} - good", ","), ("{}: fair", "\t")]
)
def test_ratings_of_one_form_are_numbers(tmp_path: Path, told: Told, form: str, delimiter: str) -> None:
    rows = [{**row, "rating": form.format(row["rating"])} for row in told.long()]
    found = read_judgements(written(tmp_path / "a.csv", rows, delimiter))
    np.testing.assert_array_equal(found.values[RATING], told.judged.values[RATING] + 0.5 * (",5" in form))


ONE = {"study_id": "s1", "reference": "Clear lungs today.", "report": "No pneumothorax seen.", "rater": "a"}
BASE = (
    {**ONE, "rating": "4"},
    {**ONE, "report": "Big left effusion.", "rating": "2"},
    {**ONE, "study_id": "s2", "report": "Heart of normal size.", "rating": "3"},
)
PAIR = {"report": None, "rating": None, "report_a": "Clear lungs.", "report_b": "Large mass."}
BARE = {"rating": None, "rater": None}
REFUSED = (
    ({"rating": ("4/5", "3", "2/5")}, r"row 3: rating is '3'; expected a number \(a number out of another"),
    ({"rating": ("4/5", "3/5", "2/10")}, r"row 4: rating is '2/10', and other cells are out of another number"),
    ({"rating": ("4,5", "3", "2")}, r"row 2: rating is '4,5'; .* a decimal comma is read where another mark"),
    ({"rating": ("5-Apr", "5-Mar", "5-Jan")}, r"row 2: rating is '5-Apr'; .* a spreadsheet seems to have made a date"),
    ({"rating": ("good", "3", "2")}, r"row 2: rating is 'good'; expected a number or nothing"),
    ({"rating": ("4", "No mass, no edema.", "2")}, r"row 3: rating is a text of 18 characters; expected a number"),
    ({"rating": ("3 mm nodule", "3", "2")}, r"row 2: rating is a text of 11 characters"),
    ({"rating": ("4", "", "2")}, r"1 candidates without any rating: s1/candidate 2; judge them, or leave them out"),
    ({"rating": None}, r"none of the columns rating, errors, .*; it has: study_id, reference, report, rater; name it"),
    ({"rating": None, "score": 1, "quality": 2}, r"rating may be in score, quality; name it with --judgement-columns"),
    ({"rating_r1": 1}, r"the rating may be in rating, or of a rater in rating_r1"),
    ({"rating": None, "rating_r1": 1}, r"raters are in rater and in the names of columns \(rating_r1\); keep one"),
    ({**BARE, "rating_mean": 1}, r"none of the columns rating"),
    ({**BARE, "rating_r1": 1, "errors": 1}, r"errors says not which rater's it is"),
    ({**BARE, "errors_anna": 1, "errors_ben": 1}, r"errors_anna may be a rater's count or that of a category"),
    ({**BARE, "errors_1": 1, "errors_2": 1}, r"errors_1 may be a rater's count or that of a category"),
    ({**BARE, "rating_findings": 1, "rating_impression": 1}, r"none of the columns rating"),
    ({**BARE, "rating_jk": 1, "rating_ab": 1}, r"whether a radiologist's rating is in rating_jk, rating_ab can't be"),
    ({**BARE, "RATING_JK": (1, 2, 5), "RATING_OM": (1, 2, 5)}, r"rating is in RATING_JK, RATING_OM can't be told"),
    ({**BARE, "rating_JK": (1, 2, 5), "rating_CT": (1, 2, 5)}, r"rating is in rating_JK, rating_CT can't be told"),
    ({**BARE, "rating_JK": (1, 2, 5), "rating_OM": (0, 1, 1)}, r"rating is in rating_JK, rating_OM can't be told"),
    ({**BARE, "rating_JK": (1, 2, 5), "OM_rating": (1, 2, 5)}, r"rating is in rating_JK, OM_rating can't be told"),
    ({**BARE, "rating_JK": (1, 2, 5), "rating_final": (1, 2, 5)}, r"rating is in rating_JK, rating_final can't be"),
    ({**BARE, "rating_JK": (1, 2, 5), "rating_OM": ("1", "2", "x")}, r"rating is in rating_JK, rating_OM can't be"),
    ({**BARE, "score_JK": (0.1, 0.9, 0.5), "score_OM": (1, 2, 5)}, r"none of the columns rating"),
    *(
        (
            {**BARE, **dict.fromkeys(columns.split(","), (1, 2, 5))},
            rf"whether a radiologist's rating is in {', '.join(columns.split(','))} can't be told; name it with",
        )
        for columns in (
            *("rating_AP,rating_PA", "CE_rating,NLG_rating", "rating_DPO,rating_PPO", "rating_KO,rating_RU"),
            *("rating_CF,rating_CP", "rating_LQ,rating_OQ", "rating_MGH,rating_BWH", "rating_MTR,rating_CDR"),
            *(
                "rating_RM,rating_JK,rating_final",
                "rating_RM,rating_CT",
                "rating_DRM,rating_JK",
                "R_M_rating,J_K_rating",
            ),
        )
    ),
    (
        {**BARE, "rating_JK": (1, 2, 5), "rating_OM": (1, 2, 5), "Reader 1": (1, 2, 5)},
        r"rating is in rating_JK, rating_OM can't be told",
    ),
    ({**BARE, "rating_JK": (1, 2, 5), "rating_OM": (1, 2, 5), "errors": 1}, r"rating is in rating_JK, rating_OM can't"),
    ({**BARE, "score_BLEU": (1, 2, 5), "score_RG": (1, 2, 5)}, r"none of the columns rating"),
    ({**BARE, "RM": (1, 2, 5), "JK": (1, 2, 5)}, r"none of the columns rating"),
    ({**BARE, "errors_RM": 1, "errors_JK": 1}, r"errors_RM may be a rater's count or that of a category"),
    (
        {**PAIR, **BARE, **{f"rating_{one}_RM": 1 for one in "ab"}, **{f"rating_{one}_OM": (1, 2, 90) for one in "ab"}},
        r"rating is in rating_a_RM, rating_b_RM, rating_a_OM, rating_b_OM can't be told",
    ),
    ({**BARE, "score_SN": (1, 2, 5), "score_TX": (1, 2, 5)}, r"none of the columns rating"),
    ({**BARE, "score_JK": (1, 2, 5), "score_OM": (1, 2, 5)}, r"none of the columns rating"),
    ({"insignificant_errors": 1}, r"insignificant_errors count insignificant errors alone"),
    ({"false_finding": 1, "significant_false_finding": 1}, r"whether false_finding count all errors or those beside"),
    ({"rater": ("a", "", "a")}, r"row 3: no rater is named, and others are"),
    ({"study_id": ("s1", "", "s2")}, r"row 3: study_id is no study id"),
    ({"study_id": None, "case": 1, "uid": 1}, r"the study_id may be in case, uid; name it"),
    ({"reference": None}, r"no column for the reference, by any usual name; it has: study_id, report, rater, rating"),
    ({"report": None}, r"no column for the report"),
    ({"report": None, "candidate": "The heart is normal, no effusion."}, r"is it candidate\? Then name it with"),
    ({"candidate": "The heart is normal and there is no mass."}, r"row 2: candidate is a text of 41 characters"),
    ({"report": "Normal chest."}, r"a judges s1/candidate 1 twice; keep one judgement, or name the raters"),
    ({"reference": ("Clear.", "Dense.", "x"), "candidate": "c"}, r"s1/c has another text in row 3 than before"),
    ({**PAIR, "preference": ("a", "perhaps", "b"), "rater": ("1", "2", "3")}, r"row 3: preference is 'perhaps'"),
    ({**PAIR, "preference": ("0", "1", "1"), "rater": ("1", "2", "3")}, r"preference holds 0, 1, and which report"),
    ({**PAIR, "preference": ("1", "-1", "0"), "rater": ("1", "2", "3")}, r"preference holds -1, 0, 1, and which"),
    ({**PAIR, "preference": "a"}, r"a compares s1/a and s1/b twice; keep one comparison"),
    ({**PAIR, "rating": 3}, r"rating may be of any of the reports a, b; say which in its name, such as rating_a"),
    ({**PAIR, "report_c": "Clear.", "preference": "a"}, r"a row has 3 \(report_a, report_b, report_c\); remove the"),
    ({"rating": None, "preference": "a"}, r"a preference is of two reports, and a row has 1"),
)


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_is_in_doubt_is_refused_in_a_line(tmp_path: Path, change: Row, message: str) -> None:
    rows = []
    for at, row in enumerate(BASE):
        given = {key: value[at] if isinstance(value, tuple) else value for key, value in change.items()}
        rows.append({key: value for key, value in {**row, **given}.items() if value is not None})
    with pytest.raises(InputError, match=message) as caught:
        read_judgements(written(tmp_path / "mine.csv", rows))
    assert "\n" not in str(caught.value)
    assert not any(text in str(caught.value) for text in ("pneumothorax", "effusion", "lungs", "nodule", "No mass"))


def by_place(path: Path, header: str, delimiter: str = ",") -> Path:
    """A table of two reports, whose columns besides the texts hold the number of their place, in the second row 9."""
    texts = [{**ONE, "rater": at, "image_id": "i1"} for at in "ab"]
    for at, row in enumerate(texts):
        row |= {"study_id": f"s{at}", "report": f"Clear {at}."}
        row |= {"report1": f"No mass {at}.", "report2": f"A mass {at}."}
    columns = header.split(delimiter)
    fixed = sum(column in texts[0] for column in columns)
    rows = [
        {
            column: row[column] if column in row else (9 if at else place - fixed)
            for place, column in enumerate(columns, start=1)
        }
        for at, row in enumerate(texts)
    ]
    return written(path, rows, delimiter)


HEAD = "study_id,reference,report,"
GREEN = (
    "(a) False report of a finding in the candidate,(b) Missing a finding present in the reference,"
    "(c) Misidentification of a finding's anatomic location/position,(d) Misassessment of the severity of a finding,"
    "(e) Mentioning a comparison that isn't in the reference,"
    "(f) Omitting a comparison detailing a change from a prior study"
)
NUMBERED_NAMES = ",".join(f"{at}. {name}" for at, name in enumerate(REXVAL[:4], start=1))
UNREAD = (
    # ratings under raters' names, and what is no rater's
    ("radiologist_1,radiologist_2,radiologist_3,radiologist_count,radiologist_average", {RATING: [1, 2, 3]}),
    ("Reader 1,Reader 2,Reader 3,reader_experience_years", {RATING: [1, 2, 3]}),
    ("expert_1,expert_2,expert_time,reader_minutes", {RATING: [1, 2]}),
    ("r1,r2,r_value,judge_gpt4", {RATING: [1, 2]}),
    ("errors_r1,errors_r2,r_time", {ERRORS: [-1, -2]}),
    ("total_errors,reader_experience_years", {ERRORS: [-1]}),
    ("total_errors,reader_1", {ERRORS: [-1]}),
    ("rating_r1,rating_r2,rating_time,rating_round", {RATING: [1, 2]}),
    # language models
    ("radiologist_rating,gpt4_rating,llama_rating", {RATING: [1]}),
    ("rating_JK,rating_AB,rating_gpt4", {RATING: [2, 1]}),
    # abbreviations beside what is a rating
    ("rating,score_JK,score_AB", {RATING: [1]}),
    ("rating,rating_JK,rating_AB", {RATING: [1]}),
    ("rating_r1,rating_r2,rating_JK", {RATING: [1, 2]}),
    ("Reader 1,Reader 2,score_XY", {RATING: [1, 2]}),
    ("errors_r1,errors_r2,score_JK,score_AM", {ERRORS: [-1, -2]}),
    ("errors,score_JK,score_AM", {ERRORS: [-1]}),
    ("false_finding,missing_finding,JK_grade,AM_grade", {ERRORS: [-3]}),
    ("human_rating,gpt4_rating", {RATING: [1]}),
    ("rater,false_finding,gpt4_errors,llama_false_finding", {ERRORS: [-1, np.nan]}),
    ("rater,radiologist_rating,gpt4_rating", {RATING: [1, np.nan]}),
    # ratings and rates of errors
    ("rating,hallucination_rating,omission_rating", {RATING: [1]}),
    ("overall_score,hallucination_score,omission_score", {RATING: [1]}),
    ("false_finding,fluency,missing_finding", {ERRORS: [-4]}),
    ("rating,error_rate,errors_per_line,has_error,error_severity,error_severity_score", {RATING: [1]}),
)
READ = (
    (NUMBERED_NAMES, {ERRORS: [-10]}),
    ("rater," + NUMBERED_NAMES, {ERRORS: [-10, np.nan]}),
    (GREEN, {ERRORS: [-21]}),
    ("rater," + GREEN, {ERRORS: [-21, np.nan]}),
    ("false_finding_1,missing_finding_1,false_finding_2,missing_finding_2", {ERRORS: [-3, -7]}),
    ("rater,error_a,error_b,error_c", {ERRORS: [-6, np.nan]}),
    ("false_positive_findings,false_negative_findings,wrong_location,wrong_severity", {ERRORS: [-10]}),
    ("error_category_1_r1,error_category_2_r1,error_category_1_r2,error_category_2_r2", {ERRORS: [-3, -7]}),
    ("location_errors,severity_errors", {ERRORS: [-3]}),
    ("overall_errors", {ERRORS: [-1]}),
    ("Attending 1,Resident 1,Resident 2", {RATING: [1, 2, 3]}),
    ("rating_attending_1,rating_resident_1", {RATING: [1, 2]}),
    ("rating_r1,rating_r2,errors_reader_1,errors_reader_2", {RATING: [1, 2], ERRORS: [-3, -4]}),
    ("rating1,rating2,rating3", {RATING: [1, 2, 3]}),
    ("score1,score2", {RATING: [1, 2]}),
    ("rater,Rating (1-5)", {RATING: [1, np.nan]}),
    ("rater,Likert (0 to 10)", {RATING: [1, np.nan]}),
    ("Rater 1 (1-5),Rater 2 (1-5)", {RATING: [1, 2]}),
    ("rating_JK,rating_AB", {RATING: [2, 1]}),
    ("rating_JK,rating_RM,errors_RM,errors_JK", {RATING: [1, 2], ERRORS: [-4, -3]}),
    ("rating_Ra,rating_Rb", {RATING: [1, 2]}),
    ("RATING_R1,RATING_R2", {RATING: [1, 2]}),
    ("JK_score,AB_score,JK_errors,AB_errors", {RATING: [2, 1], ERRORS: [-4, -3]}),
)


@pytest.mark.parametrize(("columns", "expected"), [*UNREAD, *READ])
def test_numbers_are_whose_they_are(tmp_path: Path, columns: str, expected: dict[str, list[float]]) -> None:
    found = read_judgements(by_place(tmp_path / "mine.csv", HEAD + columns))
    assert set(found.values) == set(expected)
    for target, values in expected.items():
        np.testing.assert_array_equal(found.values[target][0], values)
    assert any("columns that are not read" in note for note in found.notes) == ((columns, expected) in UNREAD)


def test_reports_and_their_ratings_may_be_numbered_without_a_mark(tmp_path: Path) -> None:
    found = read_judgements(by_place(tmp_path / "mine.csv", "study_id,reference,report1,report2,rating1,rating2"))
    np.testing.assert_array_equal(found.values[RATING][:2, 0], [1, 2])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            "final_rating,gpt4_rating",
            r"whether a radiologist's rating is in final_rating, gpt4_rating can't be told; name it",
        ),
        ("gpt4_rating", r"whether a radiologist's rating is in gpt4_rating"),
        ("rating_detail,rating_terminology,rating_logic", r"none of the columns rating"),
        ("error_a,error_b,error_c", r"error_a may be a rater's count or that of a category"),
        ("wrong_location,odd_term,wrong_severity", r"between columns of error categories odd_term may be of one too"),
        ("anna_false_finding,ben_false_finding", r"anna_false_finding, ben_false_finding count errors of one category"),
        ("ward_rater_2_false_finding", r"ward_rater_2_false_finding may be a rater's count"),
    ],
)
def test_numbers_that_may_be_anybodys_are_refused(tmp_path: Path, columns: str, message: str) -> None:
    with pytest.raises(InputError, match=message + r".*--judgement-columns"):
        read_judgements(by_place(tmp_path / "mine.csv", HEAD + columns))


def test_a_number_of_the_row_is_no_study(tmp_path: Path, told: Told) -> None:
    rows = [{"id": at, **row} for at, row in enumerate(told.long(study_id="image_id"))]
    found = read_judgements(written(tmp_path / "mine.csv", rows))
    check_same(found, told.judged)
    assert found.notes == ("id numbers the rows, so studies are told by image_id", "columns that are not read: id")
    rows = [{**row, "id": row["image_id"], "image_id": "x"} for row in rows]
    check_same(read_judgements(written(tmp_path / "mine.csv", rows)), told.judged)


def test_raters_inside_a_row_of_json_are_raters(tmp_path: Path) -> None:
    said = {f"rater{r}": {"false_finding": r, "missing_finding": 1} for r in range(3)}
    rows = [{key: value for key, value in ONE.items() if key != "rater"} | {"raters": said}]
    found = read_judgements(written(tmp_path / "a.json", rows))
    np.testing.assert_array_equal(found.values[ERRORS], [[-1, -2, -3]])
    assert found.raters == ("rater0", "rater1", "rater2")


@pytest.mark.parametrize("column", ["Overall (1 = worst, 5 = best), in all", "Rating (accuracy+style)", "a, b = c"])
def test_names_of_columns_may_hold_marks(tmp_path: Path, told: Told, column: str) -> None:
    path = written(tmp_path / "mine.csv", told.long(rating=column))
    check_same(read_judgements(path, named_columns([f"rating={column},Report=report"])), told.judged)


def test_a_column_of_words_may_begin_with_a_number(tmp_path: Path, told: Told) -> None:
    rows = [{**row, "missing_findings": ""} for row in told.long(errors="x", significant_errors="y")]
    rows[0]["missing_findings"] = "2 cm nodule"
    found = read_judgements(written(tmp_path / "mine.csv", rows))
    check_same(found, told.judged, (RATING,))
    assert "columns that are not read: x, y, missing_findings" in found.notes


def test_a_comma_that_may_part_thousands_and_a_row_that_is_too_long_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("study_id;reference;report;rating\ns1;Clear.;Normal.;4,500\n")
    with pytest.raises(InputError, match="row 2: rating is '4,500'; whether its comma is decimal or parts thousands"):
        read_judgements(path)
    path.write_text("study_id,reference,report,rating\ns1,Clear.,Heart, lungs normal.,4\n")
    with pytest.raises(InputError, match="row 2: 5 cells where the header has 4; quote texts that hold commas"):
        read_judgements(path)
    path.write_bytes("study_id,reference,report,rating\ns1,Clear.,Pleuraerguß.,4\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"line 2: not UTF-8 .*; save the file as UTF-8"):
        read_judgements(path)


def test_a_workbook_and_an_empty_file_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mine.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"an Excel workbook .*; save the sheet as CSV"):
        read_judgements(tmp_path / "mine.xlsx")
    (tmp_path / "mine.json").write_text("[]")
    with pytest.raises(InputError, match=r"mine\.json holds nothing; expected a table"):
        read_judgements(tmp_path / "mine.json")


def test_columns_can_be_named(tmp_path: Path, told: Told) -> None:
    rows = told.long(rating="gut", report="words", errors="e1", significant_errors="e2")
    path = written(tmp_path / "mine.csv", rows)
    with pytest.raises(InputError, match=r"no column for the report, .*--judgement-columns report=COLUMN"):
        read_judgements(path)
    given = ["rating=gut,report=words", "errors=e1,significant_errors=E2"]
    check_same(read_judgements(path, named_columns(given)), told.judged)
    summed = read_judgements(path, named_columns(["rating=gut,report=words,errors=e1+e2"]))
    expected = told.judged.values[ERRORS] + told.judged.values[SIGNIFICANT]
    np.testing.assert_array_equal(summed.values[ERRORS], expected)
    assert "errors are summed over columns: e1 + e2" in summed.notes
    rows = [{key: value for key, value in row.items() if key != "rater"} for row in rows if row["rater"] == "1"]
    two = read_judgements(written(path, rows), named_columns(["report=words,rating=gut,rating=e1"]))
    assert two.raters == ("e1", "gut")
    for wrong, message in (
        ("rating", "expects FIELD=COLUMN"),
        ("ratings=gut", "no such field; expected one of study_id"),
        ("rating=gutt", "has no column of that name; it has study_id"),
        ("report=words,report=gut", "names several columns for report"),
    ):
        with pytest.raises(InputError, match=message):
            read_judgements(path, named_columns([wrong]))


def test_blank_ratings_are_counted_and_means_are_over_who_judged(tmp_path: Path, told: Told) -> None:
    rows = told.long()
    rows[0] = {**rows[0], "rating": "n/a"}
    found = read_judgements(written(tmp_path / "mine.csv", rows))
    assert "1 of 24 ratings are blank; means are over the raters who judged" in found.notes
    assert found.mean(RATING)[0] == told.judged.values[RATING][0, 1:].mean()


def result_of(path: Path, metrics: Sequence[str] = ("findings_f1", "rouge_l")) -> ExpertResult:
    return ExpertResult(run_expert_trial(read_judgements(path), scoring("raw", metrics=list(metrics), replicates=20)))


def test_blank_cells_have_a_reason_and_one_rater_is_compared_with_nobody(tmp_path: Path, told: Told) -> None:
    alone = [row for row in told.long() if row["rater"] == "1"]
    rows = [{**row, "rating": 3} for row in alone]
    equal = result_of(written(tmp_path / "equal.csv", rows)).agreement
    assert equal.rows[0].cells[0].notes == ("all reports have the same rating, so there is nothing to correlate with",)
    one = result_of(written(tmp_path / "one.csv", alone[:2]))
    assert one.agreement.rows[0].cells[0].value is None
    assert "of one study" in one.agreement.rows[0].cells[0].notes[0]
    for table in (equal, one.agreement, one.differences):
        cells = [cell for row in table.rows for cell in row.cells]
        assert all(cell.notes for cell in cells if cell.value is None)
        assert not any(RATERS in remark for remark in table.remarks)
        assert all(row.label != RATERS for row in table.rows)
    several = result_of(written(tmp_path / "several.csv", told.long())).agreement
    assert any(RATERS in remark for remark in several.remarks)


def test_the_command_takes_names_of_columns_and_says_what_was_read(tmp_path: Path, told: Told) -> None:
    path = written(tmp_path / "mine.csv", told.long(rating="gut"))
    given = ["trials", "experts", "--judgements", str(path), "--metrics", "rouge_l", "--replicates", "20", "--markdown"]
    done = CliRunner().invoke(app, [*given, "--judgement-columns", "rating=gut"])
    assert done.exit_code == 0, done.output
    assert "rating" in done.output
    done = CliRunner().invoke(app, given)
    assert "columns that are not read: gut" in done.output
