from typing import Any

from numpy.typing import NDArray

def find(*arrays: NDArray[Any]) -> int: ...
