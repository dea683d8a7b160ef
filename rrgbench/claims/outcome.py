"""From a trained set to the outcome of all claims: measure what is missing, judge, write documents."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rrgbench.claims.claim import ClaimSet, Equivalent, Greater
from rrgbench.claims.documents import ClaimDocument
from rrgbench.claims.measurement import Measured, Measurement, Setting, Trained, trained_models
from rrgbench.claims.tables import claim_tables
from rrgbench.claims.verdict import Models, judge
from rrgbench.errors import InputError, MissingPartError
from rrgbench.files import write_text
from rrgbench.progress import Progress
from rrgbench.render.json import json_text, table_json
from rrgbench.scoring.protocols import load_protocol


@dataclass(frozen=True)
class Outcome:
    """Every claim's outcome.

    Attributes
    ----------
    document : ClaimDocument
        To be shown.
    setting : dict
        Corpus, preset, seeds, protocol.
    """

    document: ClaimDocument
    setting: dict[str, Any]

    def to_json(self) -> str:
        """Claims, tests and tables."""
        content = {
            **self.setting,
            "claims": [judgement.to_json() for judgement in self.document.judgements],
            "tables": [table_json(table) for table in self.document.tables],
        }
        return json_text(content, indent=1) + "\n"

    def write(self, folder: Path) -> list[Path]:
        """Write `claims.json`, `claims.md` and `claims.tex`."""
        texts = {
            "claims.json": self.to_json(),
            "claims.md": self.document.to_markdown(),
            "claims.tex": self.document.to_latex(),
        }
        for name, text in texts.items():
            write_text(folder / name, text)
        return [folder / name for name in texts]


def judge_set(
    claims: ClaimSet,
    model: str,
    runs: Path,
    setting: Setting,
    overall: Progress | None = None,
) -> Outcome:
    """Measure the variants of a trained set that the claims need, and judge each claim.

    Parameters
    ----------
    claims : ClaimSet
        Whose claims.
    model : str
        Registered name of the model that the variants are of.
    runs : Path
        The set's folder.
    setting : Setting
        Corpus and suite, and how they are run.
    overall : callable, optional
        Told which model is measured, as `rrgbench.progress.Progress`.

    Raises
    ------
    InputError
        If the folder holds no trained variants, or models that were trained in different ways.
    """
    found = [one for one in _by_every_name(trained_models(runs), claims.same) if one.variant in claims.variants]
    if not found:
        raise InputError(f"{runs} holds none of the variants {', '.join(claims.variants)}")
    trainings = [trained.record for trained in found]
    trained_as = _setting(runs, trainings, claims.varied)
    protocol = load_protocol(setting.options.get("protocol", "dcrrg")).identity
    measurement = Measurement(model, runs, setting)
    models: dict[str, dict[int, Measured]] = {}
    shares: dict[str, list[float]] = {}
    for done, trained in enumerate(found):
        if overall is not None:
            overall(f"{trained.variant} seed {trained.seed}", done, len(found))
        models.setdefault(trained.variant, {})[trained.seed] = measurement.measure(trained)
        shares.setdefault(trained.variant, []).append(trained.trained_share)
    seeds = sorted({trained.seed for trained in found})
    missing: dict[str, str] = {}
    for rival in claims.rivals:
        if not _is_measured(claims, rival, models):
            missing[rival] = "the suite measures nothing that it is compared in"
            continue
        try:
            models[rival] = dict.fromkeys(seeds, measurement.measure_rival(rival))
        except MissingPartError as error:
            missing[rival] = str(error)
    where = f"{setting.corpus.identity}, {setting.suite.split} split"
    tables = claim_tables(claims, models, where, seeds)
    seed = setting.options.get("seed", 0)
    judgements = tuple(judge(claim, models, shares, seed, missing) for claim in claims.claims)
    limit = trained_as["limit"]
    trained_on = (
        f"Trained on {trained_as['corpus']}, preset {trained_as['preset']}"
        f"{'' if limit is None else f', {limit} training studies of each source'}; seeds {', '.join(map(str, seeds))}."
    )
    lines = (
        *([claims.legend] if claims.legend else []),
        trained_on,
        f"Measured on {where}; protocol {protocol}; suite {setting.suite.name}.",
        "Differences are means over seeds, paired by seed and by study, with 95 % intervals (90 % for equivalence).",
        "A test holds or is contradicted where its interval says so; else it is not resolved.",
        "A claim is contradicted where a test is when corrected for the number of the claim's tests.",
    )
    title = f"Claims of {claims.reference}, on {setting.corpus.name}"
    measured: dict[str, Any] = {"measured_on": setting.corpus.identity, "split": setting.suite.split}
    measured |= {"protocol": protocol, "seeds": seeds}
    return Outcome(ClaimDocument(title, lines, judgements, tuple(tables)), {**trained_as, **measured})


def _by_every_name(models: Sequence[Trained], same: Collection[tuple[str, str]]) -> list[Trained]:
    """Models of a set; one that has two names is there by both."""
    known = {(one.variant, one.seed): one for one in models}
    for pair in same:
        for name, other in (pair, pair[::-1]):
            for one in models:
                if one.variant == name:
                    known.setdefault((other, one.seed), replace(one, variant=other))
    return list(known.values())


def _is_measured(claims: ClaimSet, rival: str, models: Models) -> bool:
    """Whether the suite measures of the variants anything that a rival is compared in."""
    tests = [test for claim in claims.claims for test in claim.tests if isinstance(test, Greater | Equivalent)]
    compared = [quantity for test in tests if rival in test.variants for quantity in test.quantities]
    columns = {column for quantity in compared for column in quantity.columns}
    return any(columns & set(model.records) for seeds in models.values() for model in seeds.values())


def _setting(runs: Path, trainings: list[dict[str, Any]], varied: Collection[str]) -> dict[str, Any]:
    """Corpus, limit and preset of all models, which must be the same but for what varies."""
    keys = {"corpus": "corpus", "limit": "limit", "preset_name": "preset"}
    for key in keys:
        values = {str(training[key]) for training in trainings}
        if len(values) > 1:
            raise InputError(f"{runs}: the models differ in their {keys[key]} ({', '.join(sorted(values))})")
    made_with: dict[str, list[Any]] = {
        "preset": [_common(training.get("preset"), varied) for training in trainings],
        "extra": [training.get("extra") for training in trainings],
    }
    for key, made in made_with.items():
        if len({json.dumps(value, sort_keys=True) for value in made if value is not None}) > 1:
            raise InputError(f"{runs}: the models differ in their {key}; their training.json files say how")
    return {name: trainings[0][key] for key, name in keys.items()}


def _common(settings: Any, varied: Collection[str], place: str = "") -> Any:
    """Nested settings without those that vary, named by their dotted places."""
    if not isinstance(settings, dict):
        return settings
    kept = {key: value for key, value in settings.items() if f"{place}{key}" not in varied}
    return {key: _common(value, varied, f"{place}{key}.") for key, value in kept.items()}
