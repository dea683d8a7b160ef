"""A claim as data: its statement, the paper's figures, and the tests that decide it.

A model's package lists its claims and names the list under the entry-point group `rrgbench.claims`.
"""

from dataclasses import dataclass
from typing import Final

from rrgbench.registry import Registry


@dataclass(frozen=True)
class Quantity:
    """A value measured on a trained model.

    Attributes
    ----------
    metric : str
        `bleu_1` .. `cider`; `ce_precision`, `ce_recall`, `ce_f1` (micro, over all observations); `auroc` of the model's
        own predictions, or in a `setting`; `precision_at_k`; `pearson` .. `kendall` and `report_error` in a `setting`.
    title : str
        As tables print it.
    observations : tuple of str
        For `auroc`: the mean over these; the mean over all that are defined if empty.
    k : int, optional
        For `precision_at_k`.
    setting : str
        For the mean `auroc`: `linear` or `finetune`; the suite that is measured must have that probe. For errors: one
        of the settings of the tasks `error_correlation` and `error_propagation`.
    fraction : float, optional
        For a probe: the share of the training studies.
    """

    metric: str
    title: str
    observations: tuple[str, ...] = ()
    k: int | None = None
    setting: str = ""
    fraction: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The measured columns whose mean it is (`rrgbench.claims.measurement`)."""
        if self.k is not None:
            return (f"{self.metric}:{self.k}",)
        if self.setting:
            share = "" if self.fraction is None else f":{self.fraction:g}"
            return (f"{self.metric}:{self.setting}{share}",)
        return tuple(f"{self.metric}:{name}" for name in self.observations) or (self.metric,)


@dataclass(frozen=True)
class Greater:
    """One variant's value is greater than another's: the 95 % interval of the difference lies above 0.

    Attributes
    ----------
    quantity : Quantity
        What is compared.
    better, worse : str
        Variants.
    paper : tuple of float, optional
        The paper's values of both; None where it prints none.
    than : Quantity, optional
        What of the worse one it is compared with, if not the same.
    """

    quantity: Quantity
    better: str
    worse: str
    paper: tuple[float, float] | None = None
    than: Quantity | None = None

    @property
    def quantities(self) -> tuple[Quantity, Quantity]:
        """What is compared, of each of the two."""
        return self.quantity, self.than or self.quantity

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that it needs."""
        return self.better, self.worse

    @property
    def words(self) -> str:
        """What is tested."""
        if self.than is not None:
            return f"{self.quantity.title}: {self.better} > {self.worse}'s {self.than.title}"
        return f"{self.quantity.title}: {self.better} > {self.worse}"


@dataclass(frozen=True)
class Equivalent:
    """Two variants' values differ by less than a margin: the 90 % interval of the difference lies inside it.

    (Two one-sided tests at 5 %: Schuirmann, 1987.)

    Attributes
    ----------
    quantity, first, second, paper
        As in `Greater`.
    margin : float
        Largest difference that counts as none.
    """

    quantity: Quantity
    first: str
    second: str
    margin: float
    paper: tuple[float, float] | None = None

    @property
    def quantities(self) -> tuple[Quantity, Quantity]:
        """What is compared, of each of the two."""
        return self.quantity, self.quantity

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that it needs."""
        return self.first, self.second

    @property
    def words(self) -> str:
        """What is tested."""
        return f"{self.quantity.title}: {self.first} = {self.second} within {self.margin:g}"


@dataclass(frozen=True)
class TrainedShare:
    """Of the weights that one variant's last stage trains, another's trains at most a share.

    Attributes
    ----------
    variant, of : str
        The variant that trains few, and the one that it is compared with.
    at_most : float
        The limit, 0 to 1.
    paper : str
        The paper's figure.
    """

    variant: str
    of: str
    at_most: float
    paper: str

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that it needs."""
        return (self.variant, self.of)

    @property
    def words(self) -> str:
        """What is tested."""
        return f"{self.variant} trains in its last step at most {self.at_most:.0%} of what {self.of} does"


@dataclass(frozen=True)
class Correlated:
    """Over variants, two values rise together: the interval of their correlation lies above 0.

    Attributes
    ----------
    first, second : Quantity
        The values.
    variants : tuple of str
        Over which.
    paper : str
        What the paper says of it.
    """

    first: Quantity
    second: Quantity
    variants: tuple[str, ...]
    paper: str

    @property
    def words(self) -> str:
        """What is tested."""
        return f"{self.first.title} rises with {self.second.title} over {', '.join(self.variants)}"


Test = Greater | Equivalent | TrainedShare | Correlated


@dataclass(frozen=True)
class Claim:
    """Something that a paper says.

    Attributes
    ----------
    key : str
        Short name.
    statement : str
        The claim in words.
    source : str
        Where in the paper.
    tests : tuple of Test
        It holds if all of them do: each is made at its own level, and all must pass, so no correction for their number
        is needed (an intersection-union test). It is contradicted if one of them is: that is corrected for their number
        (Bonferroni, which for "at least one" is Holm's first step).
    """

    key: str
    statement: str
    source: str
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class VariantTable:
    """A table with a row a variant.

    Attributes
    ----------
    title : str
        What it shows, after the paper's table.
    rows : tuple of (str, str)
        Variant and the row's label.
    columns : tuple of (Quantity, str)
        Value and heading over neighbouring columns (empty for none).
    """

    title: str
    rows: tuple[tuple[str, str], ...]
    columns: tuple[tuple[Quantity, str], ...]


@dataclass(frozen=True)
class ObservationTable:
    """A table with a row an observation, the mean first, and a column a variant.

    Attributes
    ----------
    title : str
        What it shows.
    metric : str
        A metric that is measured for each observation.
    variants : tuple of str
        Columns.
    """

    title: str
    metric: str
    variants: tuple[str, ...]


@dataclass(frozen=True)
class ClaimSet:
    """All claims of a paper, and the tables that they are read from.

    Attributes
    ----------
    reference : str
        The paper.
    claims : tuple of Claim
        Claims.
    tables : tuple of VariantTable or ObservationTable
        Tables.
    rivals : tuple of str
        Registered models that are no variants and stand in tests and tables as they do: `imagenet`, say. Measured by
        the same suite; one value for all seeds.
    varied : tuple of str
        What of a training's preset variants differ in (`balance`, `model.tuning`); all else must be the same.
    same : tuple of (str, str)
        Pairs of variants that are one model under two names; where one of them is trained, so is the other.
    legend : str
        What the variants' names mean, for those who read the tests.
    """

    reference: str
    claims: tuple[Claim, ...]
    tables: tuple[VariantTable | ObservationTable, ...] = ()
    rivals: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    same: tuple[tuple[str, str], ...] = ()
    legend: str = ""

    @property
    def variants(self) -> tuple[str, ...]:
        """Every variant that a claim or a table needs."""
        named = [name for claim in self.claims for test in claim.tests for name in test.variants]
        for table in self.tables:
            named += table.variants if isinstance(table, ObservationTable) else [name for name, _ in table.rows]
        return tuple(name for name in dict.fromkeys(named) if name not in self.rivals)


CLAIM_SETS: Final[Registry[ClaimSet]] = Registry("model with claims", "rrgbench.claims")


def load_claims(name: str) -> ClaimSet:
    """The claims of a model's paper (entry-point group `rrgbench.claims`).

    Raises
    ------
    UnknownNameError
        If no such model has claims.
    """
    return CLAIM_SETS.load(name)
