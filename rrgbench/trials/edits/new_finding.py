"""A finding that a phantom's study does not have, as its grammar tells one."""

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.case import SIDES, ZONES, Finding
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance, about_finding, fillings

_BOTH_SIDES = ("Edema", "Cardiomegaly", "Enlarged Cardiomediastinum")


def new_finding(name: str, chance: Chance) -> Told:
    """A sentence that tells of a moderate or severe finding somewhere, without a comparison."""
    side = "both" if name in _BOTH_SIDES else chance.of(SIDES[:2])
    finding = Finding(True, side, chance.of(ZONES), 1 + int(chance.number() * 2), 1.0, chance.number())
    template = chance.of([one for one in phrases.POSITIVE_SENTENCES[name] if "remains" not in one])
    return about_finding(name, template, finding, fillings(template, finding, chance, str))
