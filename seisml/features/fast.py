"""Compiled loops in place of passes of NumPy, where Numba is installed (``seisml[fast]``).

Values are the same within rounding. ``SEISML_NUMBA=0`` in the environment leaves Numba aside. What
is compiled is kept beside this file, else in the user's folder of caches, or in the one that
``NUMBA_CACHE_DIR`` names; where none can be written to, NumPy does the work.
"""

import functools
import importlib
import importlib.util
import os
import warnings
from types import ModuleType

SWITCH = "SEISML_NUMBA"
"""Variable of the environment that says 0 where Numba must not be used."""


LOOPS = ("blockloops", "transformloops", "windowloops", "pastloops")
"""Modules of compiled loops."""


def compiled(name: str) -> ModuleType | None:
    """Return the module of compiled loops of that name, None where they cannot or must not run.

    Parameters
    ----------
    name : str
        One of `LOOPS`.
    """
    return None if os.environ.get(SWITCH) == "0" or not _usable() else _module(name)


@functools.cache
def _usable() -> bool:
    """Whether Numba is there, works, and can keep what it compiles; a warning says why not."""
    if importlib.util.find_spec("numba") is None:
        return False
    why = ""
    try:
        if importlib.import_module("seisml.features.compiling").numba.config.DISABLE_JIT:
            why = "NUMBA_DISABLE_JIT is set"
    except ImportError as error:
        why = str(error)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        # To compile in each process anew takes longer than what most runs would save.
        why = "set NUMBA_CACHE_DIR to a folder where it can keep compiled code"
    if why:
        warnings.warn(f"Numba cannot be used ({why}): NumPy does its work.", stacklevel=3)
    return not why


@functools.cache
def _module(name: str) -> ModuleType:
    return importlib.import_module(f"seisml.features.{name}")
