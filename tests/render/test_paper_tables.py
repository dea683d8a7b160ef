"""Tables that a paper takes: set by a real pdflatex inside two-column and LNCS pages, with no overfull box."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.paper_tables import _FIGURE, macros, paper_tables
from rrgbench.render.record_tables import tables
from rrgbench.runs.records import Record, dump_records
from rrgbench.runs.seeds import join_seeds
from rrgbench.tasks.base import table_descriptions

SIGNATURE = "rrgbench:0.1|corpus:phantom@1|split:test|n:100|protocol:dcrrg@2|labeler:rules@3"
# the widths of an ACL page: 16 cm in two columns
ACL = r"\documentclass[11pt,a4paper,twocolumn]{article}\usepackage[textwidth=16cm,columnsep=6mm]{geometry}"
LNCS = r"\documentclass{llncs}"


def records_of(*models: str) -> list[Record]:
    found = []
    for rank, model in enumerate(models):
        common = {"model": model, "corpus": "phantom@1", "split": "test", "n": 100, "signature": SIGNATURE}

        def add(task: str, metric: str, value: float, common: dict = common, **more: object) -> None:
            found.append(
                Record(task=task, metric=metric, value=value, low=value - 0.021, high=value + 0.02, **common, **more)
            )

        for place, metric in enumerate(("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider")):
            add("report_generation", metric, 0.1 + 0.05 * place + 0.01 * rank)
        for setting in ("micro", "macro"):
            for metric in ("ce_precision", "ce_recall", "ce_f1"):
                add("clinical_efficacy", metric, 0.4 + 0.01 * rank + 0.1 * (setting == "micro"), setting=setting)
        for observation in OBSERVATIONS:
            add("clinical_efficacy", "ce_f1", 0.3 + 0.01 * rank, observation=observation)
        for k in (1, 2, 5, 10):
            add("retrieval", "precision_at_k", 0.3 + 0.01 * k, k=k)
        for setting in ("linear", "finetune"):
            for fraction in (0.01, 0.1, 1.0):
                add("classification", "auroc", 0.7 + 0.01 * rank, setting=setting, fraction=fraction)
    return found


MODELS = ("dcrrg", "s&t", "phenotypeclip", "r2gen_with_a_long_name", "most-frequent", "nearest-neighbour")


@pytest.fixture(scope="module")
def made():
    return tables(records_of(*MODELS), table_descriptions())


def compiled(folder: Path, head: str, body: str, packages: str = "booktabs,graphicx") -> str:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    wanted = {"llncs": "llncs.cls", "siunitx": "siunitx.sty"}
    for name, file in wanted.items():
        if name in head + packages and not subprocess.run(["kpsewhich", file], capture_output=True, check=False).stdout:
            pytest.skip(f"{file} is not installed")
    source = rf"{head}\usepackage{{{packages}}}\begin{{document}}{body}\end{{document}}"
    (folder / "paper.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.parametrize(("head", "intervals"), [(ACL, True), (LNCS, True), (LNCS, False)], ids=["acl", "lncs", "bare"])
def test_no_table_leaves_the_page(made, tmp_path: Path, head: str, intervals: bool) -> None:
    files = paper_tables(made, intervals=intervals)
    for name, text in files.items():
        (tmp_path / f"{name}.tex").write_text(text, encoding="utf-8")
    body = r"\clearpage ".join(rf"Table~\ref{{tab:{name}}}\input{{{name}}}" for name in files)
    log = compiled(tmp_path, head, body)
    assert not re.findall(r"Overfull \\hbox.*", log)


def test_numbers_may_be_siunitx(made, tmp_path: Path) -> None:
    files = paper_tables(made, siunitx=True)
    (tmp_path / "t.tex").write_text(files["report-generation"], encoding="utf-8")
    assert r"\num{0.15}" in files["report-generation"] or r"\num{0.150}" in files["report-generation"]
    # also the best, the second best and the ends of intervals
    cells = [line for line in files["report-generation"].splitlines() if "&" in line]
    assert not re.findall(r"\d*\.\d+", re.sub(r"\\num\{[^}]*\}", "", "".join(cells)))
    compiled(tmp_path, ACL, r"\input{t}", "booktabs,graphicx,siunitx")


def test_marked_figures_are_siunitx_too_and_widths_are_not() -> None:
    line = r"0.333\textsuperscript{!} & 0.2--0.4 & \parbox{0.25\textwidth}{x}"
    assert _FIGURE.sub(r"\\num{\1}", line) == (
        r"\num{0.333}\textsuperscript{!} & \num{0.2}--\num{0.4} & \parbox{0.25\textwidth}{x}"
    )


def test_names_of_files_say_what_and_not_which_corpus(made) -> None:
    names = list(paper_tables(made))
    assert {"report-generation", "image-text-retrieval", "f1-per-observation"} <= set(names)
    assert len(names) == len(made)


def test_without_intervals_there_are_none(made) -> None:
    assert ".081--.122" not in "".join(paper_tables(made, intervals=False).values())
    assert any("95" in text for text in paper_tables(made).values())


def test_macros_give_the_numbers_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "macros.tex").write_text(macros(records_of("dcrrg", "s&t")), encoding="utf-8")
    asked = r"\rrgCeF{dcrrg} \rrgCeFMacro{st} \rrgBleuFourInterval{dcrrg} \rrgPrecisionAtFive{dcrrg}"
    body = rf"\input{{macros}}\typeout{{GOT {asked} \rrgAurocLinearOneZeroPercent{{dcrrg}} END}}x"
    log = compiled(tmp_path, ACL, body).replace("\n", "")
    assert "GOT 0.500 0.410 .229--.270 0.350 0.700 END" in log


def test_macros_of_several_trainings_are_the_means_of_the_tables() -> None:
    runs = [[replace(one, value=one.value and value) for one in records_of("dcrrg")] for value in (0.2, 0.4, 0.6)]
    text = macros(join_seeds(runs, ["a", "b", "c"]))
    assert r"\@namedef{rrg@CeF@dcrrg}{0.400}" in text
    interval = re.search(r"rrg@CeFInterval@dcrrg}{(\.\d+|0)--(\.\d+|1)", text)
    assert interval is not None
    assert float(interval[1]) < 0.2 < 0.6 < float(interval[2])


def test_two_models_of_one_name_in_macros_are_refused() -> None:
    with pytest.raises(InputError, match="models m2_tr and m2tr are both 'm2tr' in macros"):
        macros(records_of("m2_tr", "m2tr"))


def test_a_model_that_was_not_measured_is_an_error_of_the_paper(tmp_path: Path) -> None:
    (tmp_path / "macros.tex").write_text(macros(records_of("dcrrg")), encoding="utf-8")
    with pytest.raises(AssertionError, match="no CeF of nobody"):
        compiled(tmp_path, ACL, r"\input{macros}\rrgCeF{nobody}")


def test_the_command_writes_them(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text(dump_records(records_of("dcrrg")))
    (tmp_path / "run" / "run.json").write_text("{}")
    result = CliRunner().invoke(app, ["report", str(tmp_path / "run"), "--paper", "--no-paper-intervals"])
    assert result.exit_code == 0, result.output
    written = {file.name for file in (tmp_path / "run" / "paper").iterdir()}
    assert {"macros.tex", "report-generation.tex"} <= written
