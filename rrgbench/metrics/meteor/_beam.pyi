from typing import Any

from numpy.typing import NDArray

def search(*arrays_and_numbers: NDArray[Any] | int) -> None: ...
