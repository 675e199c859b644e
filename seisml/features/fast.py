"""Compiled loops in place of passes of NumPy, where Numba is installed (``seisml[fast]``).

Values are the same within rounding. ``SEISML_NUMBA=0`` in the environment leaves Numba aside.
"""

import functools
import importlib
import importlib.util
import os
from types import ModuleType

SWITCH = "SEISML_NUMBA"
"""Variable of the environment that says 0 where Numba must not be used."""


def compiled(name: str) -> ModuleType | None:
    """Return the module of compiled loops of that name, None where they cannot or must not run.

    Parameters
    ----------
    name : str
        "blockloops", "windowloops" or "pastloops".
    """
    return None if os.environ.get(SWITCH) == "0" or not _installed() else _module(name)


@functools.cache
def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _module(name: str) -> ModuleType:
    return importlib.import_module(f"seisml.features.{name}")
