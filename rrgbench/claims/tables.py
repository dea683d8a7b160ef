"""The tables that the claims are read from, in the paper's shape: means over seeds with intervals."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rrgbench.claims.claim import ClaimSet, ObservationTable, Quantity, VariantTable
from rrgbench.claims.measurement import Measured
from rrgbench.claims.verdict import Models, quantity_values
from rrgbench.metrics.catalogue import entry, within_bounds
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.record_tables import merged_signatures
from rrgbench.render.table import Cell, Column, Row, Table, ranked
from rrgbench.runs.records import Record
from rrgbench.stats.seeds import SeedMean, mean_over_seeds

INTERVAL = "interval of the mean over seeds: t, with the variance between seeds and that of the resampled studies"


def claim_tables(claims: ClaimSet, models: Models, where: str, seeds: Sequence[int]) -> list[Table]:
    """All tables of a set of claims.

    Parameters
    ----------
    claims : ClaimSet
        Whose tables.
    models : mapping
        Measured models by variant and seed.
    where : str
        Corpus, split and preset, for titles.
    seeds : sequence of int
        All seeds that were trained; a cell with fewer says so.
    """
    absent = {rival for rival in claims.rivals if rival not in models}
    return [
        _by_variant(table, models, where, seeds)
        if isinstance(table, VariantTable)
        else _by_observation(table, models, where, seeds)
        for table in (_without(table, absent) for table in claims.tables)
        if isinstance(table, ObservationTable) or _is_measured(table, models)
    ]


def _without(table: VariantTable | ObservationTable, absent: Collection[str]) -> VariantTable | ObservationTable:
    """A table without the rivals that were not measured: unlike variants they are no gap in what was trained."""
    if not isinstance(table, VariantTable):
        return table
    return replace(table, rows=tuple(row for row in table.rows if row[0] not in absent))


def _is_measured(table: VariantTable, models: Models) -> bool:
    """False where its variants are trained and the suite measures nothing of what it shows."""
    variants = [variant for variant, _ in table.rows]
    trained = any(models.get(variant) for variant in variants)
    return not trained or any(_records(models, variants, quantity) for quantity, _ in table.columns)


def _by_variant(table: VariantTable, models: Models, where: str, seeds: Sequence[int]) -> Table:
    columns = [Column(quantity.title, group, entry(quantity.metric).better) for quantity, group in table.columns]
    rows = [
        Row(label, tuple(_cell(models.get(variant, {}), quantity, seeds) for quantity, _ in table.columns))
        for variant, label in table.rows
    ]
    used = {
        column: _records(models, [variant for variant, _ in table.rows], quantity)
        for column, (quantity, _) in zip(columns, table.columns, strict=True)
    }
    signatures = merged_signatures(used)
    return ranked(Table(f"{table.title}, {where}", "model", tuple(columns), tuple(rows), (INTERVAL,), signatures))


def _by_observation(table: ObservationTable, models: Models, where: str, seeds: Sequence[int]) -> Table:
    columns = [Column(variant, better=entry(table.metric).better) for variant in table.variants]
    mean = Quantity(table.metric, "mean")
    quantities = {"mean": mean, **{name: Quantity(table.metric, name, (name,)) for name in OBSERVATIONS}}
    rows = [
        Row(
            name,
            tuple(_cell(models.get(variant, {}), quantity, seeds) for variant in table.variants),
            "mean" if name == "mean" else "observations",
        )
        for name, quantity in quantities.items()
    ]
    used = {column: _records(models, [variant], mean) for column, variant in zip(columns, table.variants, strict=True)}
    signatures = merged_signatures(used)
    return ranked(
        Table(f"{table.title}, {where}", "observation", tuple(columns), tuple(rows), (INTERVAL,), signatures),
        by_row=True,
    )


def _cell(models: Mapping[int, Measured], quantity: Quantity, seeds: Sequence[int]) -> Cell:
    """Mean over seeds with its interval; blank with a note where there is none."""
    if not models:
        return Cell(notes=("not trained",))
    known = quantity_values(models, quantity)
    if not known:
        reasons = [record.reason for m in models.values() for c in quantity.columns if (record := m.records.get(c))]
        return Cell(notes=(next(filter(None, reasons), "not part of the suite"),))
    order = sorted(known)
    found = mean_over_seeds(
        np.array([known[seed][0] for seed in order]), np.stack([known[seed][1] for seed in order]), known[order[0]][2]
    )
    return _shown(found, quantity, seeds)


def _shown(found: SeedMean, quantity: Quantity, seeds: Sequence[int]) -> Cell:
    notes = () if found.seeds == len(seeds) else (f"{found.seeds} of {len(seeds)} seeds",)
    low, high = within_bounds(quantity.metric, found.value, found.low, found.high)
    return Cell(found.value, low, high, entry(quantity.metric).decimals, notes=notes)


def _records(models: Models, variants: Sequence[str], quantity: Quantity) -> list[Record]:
    return [
        model.records[column]
        for variant in variants
        for model in models.get(variant, {}).values()
        for column in quantity.columns
        if column in model.records
    ]
