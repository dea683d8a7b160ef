"""Films of one source beside reports of another: real data that need not be paired."""

import hashlib
from dataclasses import replace

from rrgbench.data.corpus import Corpus, SharedSubjectsError, of_one_data_set
from rrgbench.data.study import Study
from rrgbench.errors import InputError


def combine(films: Corpus, reports: Corpus) -> Corpus:
    """Join a corpus of films and a corpus of reports that belong to different patients.

    Parameters
    ----------
    films : Corpus
        Source of the studies; the combined corpus has its labels and its labelled observations. Its own reports, if it
        has any, are set aside: a film's study never carries a report here.
    reports : Corpus
        Source of the text studies: those whose report is not empty. They carry no films here.

    Returns
    -------
    Corpus
        Named `<films>+<reports>`, with a digest of both.

    Raises
    ------
    InputError
        If no study has a film, or no report is left.
    SharedSubjectsError
        If both are of one data set and subjects are in one split of its films and another of its reports.
    """
    studies = tuple(_silent(study) for study in films.studies if study.images)
    if not studies:
        raise InputError(f"corpus {films.name} has no films to combine with reports; exchange the two corpora")
    texts = tuple(
        replace(study, images=()) if study.images else study
        for study in reports.studies
        if study.report is not None and study.report.strip()
    )
    if not texts:
        raise InputError(f"corpus {reports.name} has no reports to combine with films; name a corpus that has some")
    if of_one_data_set(films, reports):
        split_of = {study.subject_id: study.split for study in studies}
        crossing = [one.study_id for one in texts if split_of.get(one.subject_id, one.split) != one.split]
        if crossing:
            raise SharedSubjectsError(f"films and reports of {films.name}", crossing)
    notes = dict.fromkeys(note for note in (films.license_note, reports.license_note) if note)
    return Corpus(
        name=f"{films.name}+{reports.name}",
        digest=hashlib.sha256(f"{films.digest}+{reports.digest}".encode()).hexdigest(),
        studies=studies,
        labelled_observations=films.labelled_observations,
        text_studies=texts,
        license_note="; ".join(notes),
        names=(films.names[0], reports.names[0]),
        section=reports.section,
        synthetic=films.synthetic or reports.synthetic,
    )


def _silent(study: Study) -> Study:
    """The study without a report, and its earlier ones without theirs."""
    prior = None if study.prior is None else _silent(study.prior)
    if study.report is None and not study.sections and prior is study.prior:
        return study
    return replace(study, report=None, sections={}, prior=prior)
