"""Pooling: columns without the names of components."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seisml.pooling import is_pooled, pooled

VALUES = st.one_of(st.floats(-100, 100, width=32), st.just(np.nan))


@given(arrays(np.float32, (5, 3), elements=VALUES))
def test_median_and_maximum_are_those_of_what_is_known(values):
    frame = pd.DataFrame(values, columns=["rms.U", "rms.V", "rms.W"])
    out = pooled(frame)
    expected = frame.median(axis=1).to_numpy(np.float32)
    np.testing.assert_allclose(out["rms.median"], expected, rtol=1e-6)
    np.testing.assert_array_equal(out["rms.max"], frame.max(axis=1).to_numpy(np.float32))


def test_names_and_number_of_components_do_not_matter():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    uvw = pooled(pd.DataFrame(x, columns=["rms@60s.U", "rms@60s.V", "rms@60s.W"]))
    zne = pooled(pd.DataFrame(x[:, [2, 0, 1]], columns=["rms@60s.Z", "rms@60s.N", "rms@60s.E"]))
    pd.testing.assert_frame_equal(uvw, zne)
    one = pooled(pd.DataFrame(x[:, :1], columns=["rms@60s.1"]))
    assert list(one) == list(uvw) == ["rms@60s.median", "rms@60s.max"]
    np.testing.assert_array_equal(one["rms@60s.median"], x[:, 0])
    np.testing.assert_array_equal(one["rms@60s.max"], x[:, 0])


def test_the_largest_values_do_not_overflow():
    large = np.finfo(np.float32).max
    out = pooled(pd.DataFrame({"stalta.U": [large], "stalta.V": [large]}, dtype=np.float32))
    assert out.to_numpy().tolist() == [[large, large]]


def test_parts_of_features_stay_apart_and_three_component_features_are_left_out():
    frame = pd.DataFrame({"b.0.1-0.3Hz.U": [1.0], "b.0.3-0.8Hz.U": [2.0], "dop.3C": [0.5]})
    out = pooled(frame)
    assert out.loc[0].to_dict() == {
        "b.0.1-0.3Hz.median": 1.0,
        "b.0.1-0.3Hz.max": 1.0,
        "b.0.3-0.8Hz.median": 2.0,
        "b.0.3-0.8Hz.max": 2.0,
    }
    assert is_pooled(out.columns)
    assert not is_pooled(frame.columns)
