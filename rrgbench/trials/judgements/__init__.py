"""What radiologists said of candidate reports, from the files in which it is published."""

from rrgbench.trials.judgements.judgements import Judgements
from rrgbench.trials.judgements.ordering import OrderingTest, read_ordering_tests
from rrgbench.trials.judgements.reading import read_judgements

__all__ = ["Judgements", "OrderingTest", "read_judgements", "read_ordering_tests"]
