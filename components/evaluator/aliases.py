"""Types of arrays and keys that quality, latency and ranking have in common."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
SliceKey = tuple[tuple[str, str | int | float], ...]
