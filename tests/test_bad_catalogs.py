"""Broken catalogue files: a clear error or counted rows, in every format, never a traceback."""

import catalog_samples
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_formats import MQS, QUAKEML, SAMPLES, put

from seisml.errors import CatalogError
from seisml.formats import read_catalog, sniff_format
from seisml.formats.quakeml import MAX_XML_BYTES

QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome(path, name):
    """Read a file that may be broken; return the catalogue or the error's text."""
    try:
        found = read_catalog(path, format=name, zone="UTC")
        sniff_format(path)
    except CatalogError as error:
        assert str(path) in error.problem
        return error.problem
    assert all(count > 0 for count in found.dropped.values())
    assert {*found.dropped_lines} <= {*found.dropped}
    return found


@pytest.mark.parametrize("name", sorted(SAMPLES))
@QUICK
@given(share=st.floats(0, 1))
def test_a_file_cut_anywhere(name, share, tmp_path):
    content = SAMPLES[name].encode()
    outcome(put(tmp_path, content[: int(share * len(content))]), name)


@pytest.mark.parametrize("name", sorted(SAMPLES))
@QUICK
@given(data=st.data())
def test_a_file_with_wrong_bytes(name, data, tmp_path):
    content = np.frombuffer(SAMPLES[name].encode(), dtype=np.uint8).copy()
    places = data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6))
    values = st.integers(0, 255) | st.sampled_from(list(b"0123456789-+.:, \n\"'|<>&;T#*eE"))
    for place in places:
        content[place] = data.draw(values)
    outcome(put(tmp_path, content.tobytes()), name)
