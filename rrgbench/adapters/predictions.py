"""Files of predictions as a model: what a system that runs elsewhere has written, predicted or embedded."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrgbench.adapters.film_names import film_owners, owner_of
from rrgbench.adapters.prediction_files import KINDS, Answers, Vector, read_answers
from rrgbench.data.corpus import Corpus
from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.models import Examination, Reads
from rrgbench.scoring.report_files import allowed_field, check_allowances, near_ids, without_differences
from rrgbench.scoring.report_shapes import Columns, shown
from rrgbench.scoring.report_systems import ReportSource

_log = logging.getLogger(__name__)


class Predictions:
    """Answers for studies by their ids; offers what its files hold.

    Parameters
    ----------
    name : str
        The system's name.
    answers : Answers
        As read.
    files : mapping of str to str
        By kind of answer, the file that holds it.
    digest : str
        Of all that decides an answer.
    allow : collection of str
        `missing`, `unknown`, `ids`: as of `rrgbench.scoring.report_files`.

    Attributes
    ----------
    left_out : tuple of str
        Once studies are bound, a line for each file with predictions that are not evaluated: how many, and why.
    """

    def __init__(
        self, name: str, answers: Answers, files: Mapping[str, str], digest: str, allow: Collection[str] = ()
    ) -> None:
        self.name, self.files, self.allow = name, dict(files), frozenset(allow)
        self.identity = f"{name}@{digest[:12]}"
        self.reads = Reads(1, views="none")
        self.allowed = ""
        self.left_out: tuple[str, ...] = ()
        self._given = answers
        self._found: dict[str, Mapping[str, str] | Mapping[str, Vector]] = {
            kind: getattr(answers, kind) for kind in KINDS
        }
        self._of_text: dict[str, str] = {}
        if answers.reports:
            self.generate_reports = self._reports
        if answers.probabilities:
            self.predict_observations = self._probabilities
        if answers.images and answers.report_vectors:
            self.embed_images, self.embed_reports = self._images, self._report_vectors

    def bind(self, corpus: Corpus, studies: Sequence[Study]) -> frozenset[str]:
        """Bring the files' ids and the corpus's together; see `rrgbench.models.AnswersByStudy`."""
        wanted = [study.study_id for study in studies]
        known = {study.study_id for source in (corpus.studies, corpus.text_studies) for study in source}
        covered = frozenset(wanted)
        counts = Counter(duplicates=self._given.duplicates)
        left_out: dict[str, str] = {}
        for kind, file in self.files.items():
            given = getattr(self._given, kind)
            joined, by_rule = self._joined(given, known, corpus, file)
            found = {joined.get(own, own): answer for own, answer in given.items()}
            if len(found) < len(given):
                twice = Counter(joined.get(own, own) for own in given)
                named = [study for study, count in twice.items() if count > 1]
                raise InputError(f"{file} names {len(named)} studies by several ids: {listed(map(shown, named))}")
            self._found[kind] = found
            counts["ids"] = max(counts["ids"], by_rule)
            # vectors are asked for of the studies that retrieval draws, of whatever split
            expected = set(wanted) if kind in ("reports", "probabilities") else known
            unknown = [own for own in given if joined.get(own, own) not in expected]
            studies_of = [joined.get(own, own) for own in unknown]
            self._check_unknown(file, unknown, studies_of, corpus)
            silent = _silent(studies_of, corpus)
            counts["unreported"] = max(counts["unreported"], silent)
            counts["unknown"] = max(counts["unknown"], len(unknown) - silent)
            if unknown:
                left_out[file] = _left_out(file, studies_of, corpus)
            if kind in ("reports", "probabilities"):
                missing = [study for study in wanted if study not in found]
                self._check_missing(file, missing, wanted, list(given), corpus)
                covered -= set(missing)
        self._of_text = self._texts([*corpus.studies, *corpus.text_studies])
        self.left_out = tuple(left_out.values())
        self.allowed = allowed_field({name: counts[name] for name in ("unknown", "unreported", "duplicates", "ids")})
        return covered

    def named(self, corpus: Corpus) -> frozenset[str]:
        """Studies of the corpus that the files name."""
        known = {study.study_id for study in corpus.studies}
        found: set[str] = set()
        for kind, file in self.files.items():
            given = getattr(self._given, kind)
            joined, _ = self._joined(given, known, corpus, file)
            found |= {joined.get(own, own) for own in given} & known
        return frozenset(found)

    def _joined(
        self, given: Iterable[str], known: Collection[str], corpus: Corpus, file: str
    ) -> tuple[dict[str, str], int]:
        """Study by own id where the two differ, and how many of them were told by a rule rather than by the corpus."""
        open_ids = [own for own in given if own not in known]
        films = film_owners(corpus.studies) if open_ids else {}
        joined = {own: study for own in open_ids if (study := corpus.other_ids.get(own) or owner_of(own, films))}
        if joined:
            own, study = next(iter(joined.items()))
            _log.warning("%s: %d ids are other ids of the corpus's studies (%s is %s)", file, len(joined), own, study)
        rest = [own for own in open_ids if own not in joined]
        if not rest:
            return joined, 0
        owners: dict[str, list[str]] = {}
        for study in known:
            owners.setdefault(without_differences(study), []).append(study)
        near = {own: owners.get(without_differences(own), []) for own in rest}
        same = {own: studies[0] for own, studies in near.items() if len(studies) == 1}
        if same and "ids" not in self.allow:
            raise InputError(near_ids(same, file, f"corpus {corpus.name}"))
        return {**joined, **same}, len(same)

    def _check_unknown(self, file: str, unknown: Sequence[str], studies: Sequence[str], corpus: Corpus) -> None:
        if not unknown or "unknown" in self.allow:
            return
        places = _places(studies, corpus)
        aside = f", {' and '.join(places)}" if places else f" of corpus {corpus.name}"
        raise InputError(
            f"{file}: {len(unknown)} ids are no studies that are evaluated{aside}: {listed(map(shown, unknown))}; "
            "remove them or pass --allow-unknown"
        )

    def _check_missing(
        self, file: str, missing: Sequence[str], wanted: Sequence[str], given: Sequence[str], corpus: Corpus
    ) -> None:
        if len(missing) == len(wanted):
            raise InputError(
                f"{file} answers for none of the {len(wanted)} studies of corpus {corpus.name} that are evaluated "
                f"({listed(map(shown, given), most=2)} there and {listed(map(shown, wanted), most=2)} here)"
            )
        if missing and "missing" not in self.allow:
            raise InputError(
                f"{file}: {len(missing)} of {len(wanted)} studies of corpus {corpus.name} have no prediction: "
                f"{listed(map(shown, missing))}; add them, or pass --allow-missing to evaluate every model of the run "
                "on those that all have, or --predicted-studies to evaluate it on those that the files name"
            )

    def _texts(self, studies: Sequence[Study]) -> dict[str, str]:
        """Study by the text of its report, for vectors of reports that are asked for by text.

        Raises
        ------
        InputError
            If two studies have the same report and different vectors.
        """
        vectors = self._found["report_vectors"]
        found: dict[str, str] = {}
        for study in studies:
            if not vectors or study.report is None or study.study_id not in vectors:
                continue
            first = found.setdefault(study.report, study.study_id)
            if not np.allclose(vectors[first], vectors[study.study_id], atol=1e-3):
                raise InputError(
                    f"{self.files['report_vectors']}: {first} and {study.study_id} have the same report and different "
                    "vectors; a report is embedded by what it says"
                )
        return found

    def _of(self, kind: str, studies: Sequence[str]) -> list[object]:
        found = self._found[kind]
        missing = [study for study in studies if study not in found]
        if missing:
            raise InputError(f"{self.files[kind]} lacks {KINDS[kind]} of {len(missing)} studies: {listed(missing)}")
        return [found[study] for study in studies]

    def _reports(self, images: Sequence[Examination]) -> list[str]:
        """The reports of studies."""
        return [str(text) for text in self._of("reports", [one.study_id for one in images])]

    def _probabilities(self, images: Sequence[Examination]) -> NDArray[np.float64]:
        """Probabilities (n, 14); NaN for observations that the file lacks."""
        return np.stack(self._of("probabilities", [one.study_id for one in images]))  # type: ignore[arg-type]

    def _images(self, images: Sequence[Examination]) -> NDArray[np.float32]:
        """Unit vectors (n, p) of studies."""
        return np.stack(self._of("images", [one.study_id for one in images]))  # type: ignore[arg-type]

    def _report_vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, p) of reference reports."""
        absent = sum(text not in self._of_text for text in texts)
        if absent:
            raise InputError(f"{self.files['report_vectors']} lacks vectors of {absent} reports of {len(texts)}")
        return np.stack(self._of("report_vectors", [self._of_text[text] for text in texts]))  # type: ignore[arg-type]


def load(
    path: str | Path | Sequence[str | Path],
    system: str = "",
    allow: Collection[str] = (),
    id_column: str | None = None,
    report_column: str | None = None,
) -> Predictions:
    """Files of one system as a model.

    Parameters
    ----------
    path : str, Path or sequence of them
        Reports in any shape that `score` reads; probabilities and embeddings (`rrgbench.adapters.prediction_files`).
    system : str
        What it is called; of a file of several systems, which one. The file's own name for it if empty, else its stem.
    allow : collection of {"missing", "unknown", "empty", "duplicates", "ids"}
        What is not refused, and counted in signatures then.
    id_column, report_column : str, optional
        Names of the fields with ids and reports, where they are not to be guessed.

    Raises
    ------
    InputError
        If a file is absent or malformed, or holds several systems and none is named.
    """
    check_allowances(allow)
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
    sources = [ReportSource(one) for one in paths]
    several = [(one.path, named) for one in sources if (named := one.systems)]
    chosen = ""
    for one, named in several:
        if system not in named and len(named) > 1:
            raise InputError(f"{one.name} holds the systems {listed(named, most=12)}; name one, as NAME=FILE")
        chosen = system if system in named else named[0]
    answers, files, digest = read_answers(sources, allow, Columns(id_column, report_column), chosen)
    told = hashlib.sha256("|".join([digest, chosen, *sorted(allow), str(id_column), str(report_column)]).encode())
    # what stands in file names and tables: org/model has a mark that neither takes
    name = re.sub(r"[/\\]+", "-", system or chosen) or re.sub(r"[^\w.+-]+", "-", paths[0].stem)
    return Predictions(name, answers, files, told.hexdigest(), allow)


def _spoken(corpus: Corpus) -> dict[str, bool]:
    """Whether each study has a report in the section that is read."""
    return {one.study_id: bool((one.report or "").strip()) for one in (*corpus.studies, *corpus.text_studies)}


def _silent(studies: Sequence[str], corpus: Corpus) -> int:
    """How many of these are studies of the corpus that have no report to be compared with."""
    spoken = _spoken(corpus)
    return sum(not spoken.get(study, True) for study in studies)


def _places(studies: Sequence[str], corpus: Corpus) -> list[str]:
    """Why studies are not evaluated that are the corpus's: each reason with its number."""
    silent, spoken = _silent(studies, corpus), _spoken(corpus)
    elsewhere = sum(spoken.get(study, False) for study in studies)
    section = f" in the section that is read, {corpus.section}" if corpus.section else ""
    places = [f"{silent} of them without a report{section}"] * bool(silent)
    return places + [f"{elsewhere} of them in another split"] * bool(elsewhere)


def _left_out(file: str, studies: Sequence[str], corpus: Corpus) -> str:
    """A line for what was allowed to be left out, and why."""
    places = _places(studies, corpus)
    known = _spoken(corpus)
    foreign = sum(study not in known for study in studies)
    places += [f"{foreign} of them of no study of corpus {corpus.name}"] * bool(foreign)
    are = "1 prediction is" if len(studies) == 1 else f"{len(studies)} predictions are"
    return f"{file}: {are} left out, {' and '.join(places)}"
