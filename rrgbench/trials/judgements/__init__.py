"""What radiologists said of candidate reports, from the files in which it is published."""

from rrgbench.trials.judgements.judgements import Judgements
from rrgbench.trials.judgements.named_columns import named_columns
from rrgbench.trials.judgements.ordering import OrderingTest, read_ordering_tests
from rrgbench.trials.judgements.reading import judgement_folder, read_judgements

__all__ = [
    "Judgements",
    "OrderingTest",
    "judgement_folder",
    "named_columns",
    "read_judgements",
    "read_ordering_tests",
]
