"""Numbers as other people's code gives them."""

import numpy as np
import pytest
import torch

from rrgbench.answer_numbers import as_numbers


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
