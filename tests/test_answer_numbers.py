"""Numbers as other people's code gives them."""

import numpy as np
import pytest
import torch

from rrgbench.answer_numbers import as_numbers, table_of
from rrgbench.errors import InputError


@pytest.mark.parametrize(
    "answer",
    [
        [[0.5, 1.0]],
        np.array([[0.5, 1.0]], dtype=np.float16),
        torch.tensor([[0.5, 1.0]], requires_grad=True),
        torch.tensor([[0.5, 1.0]], dtype=torch.bfloat16),
        [torch.tensor([0.5, 1.0], requires_grad=True)],
    ],
)
def test_lists_arrays_and_tensors_are_numbers(answer) -> None:
    found = as_numbers(answer)
    assert found.dtype == np.float64
    assert found.tolist() == [[0.5, 1.0]]


@pytest.mark.parametrize("answer", ["high", [{"Edema": 0.5}], [[1.0], [1.0, 2.0]]])
def test_anything_else_is_refused_without_its_words(answer) -> None:
    with pytest.raises(ValueError, match=r"^no array of numbers$"):
        as_numbers(answer)


def test_what_goes_wrong_on_a_device_is_told_as_it_is():
    class OnDevice:
        def detach(self):
            return self

        def double(self):
            return self

        def cpu(self):
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        as_numbers(OnDevice())


@pytest.mark.parametrize("answer", [np.zeros((1, 13)), np.zeros(14), ["a", "b"], None])
def test_an_answer_of_another_shape_is_refused_by_name(answer):
    with pytest.raises(InputError, match=r"^what mine answers (is a|has the shape)"):
        table_of("what mine answers", answer, 1, 14)
