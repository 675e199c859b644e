"""Fixtures that several tests share: generated once a run, or the shared real data."""

import os
from pathlib import Path

import pytest

# As without Numba: what is compiled is compared with it in test_fast.py.
os.environ.setdefault("SEISML_NUMBA", "0")

SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real records and catalogues; skips where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no real records: {folder} does not exist")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Keep the index of archives out of the user's cache folder."""
    monkeypatch.setenv("SEISML_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
