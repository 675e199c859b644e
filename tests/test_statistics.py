"""Statistics of a catalogue: planted b, completeness, rates and duplicates are found again."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from seisml import plots
from seisml.catalog import make_catalog
from seisml.errors import ConfigError
from seisml.magnitudes import (
    b_value,
    frequency_magnitude,
    goodness_of_fit,
    mc_b_stability,
    mc_gft,
    mc_maxc,
)
from seisml.occurrence import duplicates, rates_by_day, rates_by_hour, waiting_times_s
from seisml.report import catalog_report
from seisml.statistics import numbers, statistics, statistics_table
from seisml.times import DAY_NS, NS_PER_S, to_ns

T0 = to_ns("2024-03-01")
HOUR_NS = 3600 * NS_PER_S


def gutenberg_richter(rng, n, *, b=1.0, lowest=2.0, dm=0.1):
    """Draw magnitudes of a law that holds from the lower edge of the bin of `lowest` on."""
    sizes = lowest - dm / 2 + rng.exponential(math.log10(math.e) / b, n)
    return np.round(sizes / dm) * dm


def catalog(times_ns, **columns):
    return make_catalog(pd.DataFrame({"time_ns": np.asarray(times_ns, np.int64), **columns}))


# --------------------------------------------------------------------------- magnitudes


@pytest.mark.parametrize(("n", "sigma"), [(50, 0.142), (200, 0.071), (1000, 0.031)])
def test_error_of_b_is_that_of_shi_and_bolt(n, sigma):
    rng = np.random.default_rng(n)
    fits = [b_value(gutenberg_richter(rng, n), 2.0) for _ in range(400)]
    assert np.mean([fit.sigma for fit in fits]) == pytest.approx(sigma, rel=0.04)
    assert np.std([fit.b for fit in fits]) == pytest.approx(sigma, rel=0.12)
    assert np.mean([fit.b for fit in fits]) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("b", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("dm", [0.01, 0.1, 0.2])
def test_planted_b_is_recovered_whatever_the_bins(b, dm):
    m = gutenberg_richter(np.random.default_rng(3), 20_000, b=b, dm=dm)
    fit = b_value(m, 2.0, dm=dm)
    # Utsu's correction is the first order of Tinti and Mulargia's: b^2 dm^2 / 12 ln(10)^2 is left.
    left = (b * math.log(10) * dm) ** 2 / 12
    assert fit.b == pytest.approx(b * (1 - left), abs=3.5 * fit.sigma)
    assert 10 ** (fit.a - fit.b * (fit.mc - dm / 2)) == pytest.approx(fit.n)
    assert fit.n == 20_000


def test_without_half_a_bin_b_would_be_too_large():
    m = gutenberg_richter(np.random.default_rng(5), 20_000)
    naive = math.log10(math.e) / (m.mean() - 2.0)
    assert naive > 1.12
    assert b_value(m, 2.0).b == pytest.approx(1.0, abs=0.03)


def test_bins_are_whole_numbers_and_not_floats():
    m = np.round(np.arange(0, 3, 0.1), 1)  # 0.3 / 0.1 is less than 3
    table = frequency_magnitude(m)
    assert table["n"].tolist() == [1] * 30
    assert table["magnitude"].tolist() == m.tolist()
    assert table["n_at_least"].tolist() == list(range(30, 0, -1))
    assert frequency_magnitude([np.nan]).empty


def faded(rng, n=40_000, middle=1.5, width=0.15):
    """Draw a law of which small events are detected less and less."""
    m = gutenberg_richter(rng, n, lowest=0.0) + rng.uniform(-0.05, 0.05, n)
    return np.round(m[rng.random(n) < norm.cdf((m - middle) / width)], 1)


def test_planted_completeness_is_recovered():
    rng = np.random.default_rng(7)
    found = []
    for _ in range(30):
        m = faded(rng)
        maxc, (gft, level), stable = mc_maxc(m), mc_gft(m), mc_b_stability(m)
        found.append((maxc, gft, stable, b_value(m, stable).b))
        assert level == 95
    maxc, gft, stable, b = np.mean(found, axis=0)
    # half are detected at 1.5, 98 % at 1.8
    assert maxc == pytest.approx(1.8, abs=0.1)
    assert gft == pytest.approx(1.6, abs=0.1)
    assert stable == pytest.approx(1.7, abs=0.1)
    assert b == pytest.approx(1.0, abs=0.04)


def test_fit_of_a_perfect_law_is_good_and_of_a_cut_one_is_not():
    m = gutenberg_richter(np.random.default_rng(2), 5000)
    table = goodness_of_fit(m).set_index("mc")
    assert table.loc[2.0, "r_percent"] > 97
    assert mc_gft(m) == (2.0, 95)
    uniform = np.random.default_rng(2).uniform(0, 1, 5000)
    assert goodness_of_fit(uniform)["r_percent"].iloc[0] < 90


@pytest.mark.parametrize("sizes", [[], [1.0], np.full(500, 2.0), np.linspace(0, 3, 49)])
def test_too_little_gives_no_b(sizes):
    fit = b_value(sizes, 0.0)
    assert math.isnan(fit.b)
    assert math.isnan(fit.sigma)
    assert math.isnan(mc_b_stability(sizes))
    assert math.isnan(mc_gft(sizes)[0])


def test_maxc_takes_the_larger_of_equal_bins():
    assert mc_maxc([1.0, 1.3, 1.3, 1.0], correction=0.0) == 1.3
    assert math.isnan(mc_maxc([]))


def test_bins_without_width_are_refused():
    with pytest.raises(ConfigError, match="dm must be positive"):
        frequency_magnitude([1.0], dm=0)


# -------------------------------------------------------------------------------- rates


def test_rates_are_by_live_time():
    live = [[T0, T0 + 12 * HOUR_NS], [T0 + 2 * DAY_NS, T0 + 3 * DAY_NS]]
    times = [T0 + k * HOUR_NS for k in (1, 2, 3, 50)]
    table = rates_by_day(catalog(times), live)
    assert table["start_ns"].tolist() == [T0, T0 + 2 * DAY_NS]
    assert table["n_events"].tolist() == [3, 1]
    assert table["live_h"].tolist() == [12, 24]
    assert table["per_day"].tolist() == [6, 1]


def test_days_on_mars_are_sols():
    sol = round(88_775.244 * NS_PER_S)
    first = to_ns("2018-11-26T05:10:50.33508") + 500 * sol
    one = make_catalog([{"time_ns": first + sol - 1}, {"time_ns": first + sol}], body="mars")
    table = rates_by_day(one, [[first, first + 2 * sol]])
    assert table["n_events"].tolist() == [1, 1]
    assert table["start_ns"].tolist() == [first, first + sol]
    hours = rates_by_hour(one, [[first, first + 2 * sol]])
    assert hours["n_events"].to_numpy()[[0, 23]].tolist() == [1, 1]
    np.testing.assert_allclose(hours["live_h"], 2 * sol / 24 / HOUR_NS)


def test_a_station_that_sleeps_by_day_does_not_make_events_nocturnal():
    rng = np.random.default_rng(0)
    nights = [[T0 + k * DAY_NS, T0 + k * DAY_NS + 8 * HOUR_NS] for k in range(200)]
    times = T0 + rng.integers(0, 200 * DAY_NS, 20_000)
    found = statistics(catalog(times), coverage={"XX.A": nights})
    hours = found.by_hour
    assert hours["live_h"].tolist() == [200.0] * 8 + [0.0] * 16
    assert hours["per_hour"][:8].to_numpy() == pytest.approx(20_000 / 4800, rel=0.1)
    assert hours["per_hour"][8:].isna().all()
    inside = (hours["low"] <= 20_000 / 4800) & (hours["high"] >= 20_000 / 4800)
    assert inside[:8].sum() >= 7
    assert found.n_outside == 20_000 - len(found.catalog)


def test_local_hours_are_those_of_the_offset():
    table = rates_by_hour(catalog([T0]), [[T0, T0 + DAY_NS]], offset_h=-4)
    assert table["n_events"].idxmax() == 20
    assert table["live_h"].tolist() == [1.0] * 24


def test_waiting_times_skip_gaps_and_tell_clusters_from_chance():
    rng = np.random.default_rng(1)
    live = [[T0, T0 + 10 * DAY_NS], [T0 + 40 * DAY_NS, T0 + 50 * DAY_NS]]
    start = rng.integers(0, 20 * DAY_NS, 2000)
    random = T0 + np.where(start < 10 * DAY_NS, start, start + 30 * DAY_NS)
    waiting = waiting_times_s(catalog(random), live)
    assert waiting.mean() == pytest.approx(20 * 86_400 / 2000, rel=0.02)
    assert waiting.max() < 86_400  # the gap of 30 days is none
    found = numbers(statistics(catalog(random), coverage={"": live}))
    assert found["waiting_cv"] == pytest.approx(1.0, abs=0.1)
    swarms = np.repeat(random[::20], 20) + rng.integers(0, 600 * NS_PER_S, 2000)
    assert numbers(statistics(catalog(swarms), coverage={"": live}))["waiting_cv"] > 3


# --------------------------------------------------------------------------- duplicates


def test_planted_duplicates_are_found_and_the_better_is_kept():
    rng = np.random.default_rng(4)
    times = T0 + np.arange(500) * 60 * NS_PER_S
    again = times[::10] + rng.integers(-NS_PER_S, NS_PER_S, 50)
    events = catalog(
        [*times, *again],
        event_id=[*(f"a{k}" for k in range(500)), *(f"b{k}" for k in range(50))],
        score=[0.5] * 500 + [0.9] * 25 + [0.1] * 25,
        station="XX.A",
    )
    table = duplicates(events, within_s=2.0)
    assert len(table) == 50
    assert table["event_id"].tolist() == [f"b{k}" for k in range(25)] + [
        f"a{10 * k}" for k in range(25, 50)
    ]
    assert table["difference_s"].abs().max() <= 1
    assert duplicates(events, within_s=0.0).empty


def test_other_stations_are_no_duplicates():
    two = catalog([T0, T0], station=["XX.A", "XX.B"])
    assert duplicates(two).empty
    assert len(duplicates(catalog([T0, T0], station="XX.A"))) == 1


def test_a_chain_of_close_events_keeps_more_than_one():
    chain = catalog(T0 + np.arange(7) * NS_PER_S, score=[1, 2, 3, 9, 3, 2, 1])
    table = duplicates(chain, within_s=1.0)
    assert set(table["event_id"]) == {"e000004", "e000002", "e000006"}
    assert len(table) == 4


# ------------------------------------------------------------------------------ together


def magnitudes(rng, n=400):
    return catalog(
        T0 + rng.integers(0, 30 * DAY_NS, n),
        magnitude=gutenberg_richter(rng, n),
        magnitude_type="ML",
    )


def test_codes_and_other_types_are_no_magnitudes():
    rng = np.random.default_rng(6)
    events = magnitudes(rng).events.drop(columns="event_id")
    odd = events.head(3).assign(magnitude=[-9.0, 999.0, 4.0], magnitude_type=["ML", "ML", "mb"])
    found = statistics(make_catalog(pd.concat([events, odd])))
    assert len(found.magnitudes) == 400
    assert found.magnitude_type == "ML"
    assert found.notes["magnitudes that are codes"] == "2 left out"
    assert "not mixed: 400 ML, 1 mb" in found.notes["magnitude types"]
    assert found.fits["MAXC"].b == pytest.approx(1.0, abs=0.25)


def test_table_says_what_is_not_known():
    rows = dict(statistics_table(statistics(catalog([T0]))))
    assert rows["events"] == "1"
    assert "not known" in rows["note: live time"]
    assert "50 are needed" in rows["note: b-value"]
    rows = dict(statistics_table(statistics(magnitudes(np.random.default_rng(1)))))
    assert "±" in rows["complete from (MAXC)"]


def test_nothing_has_statistics_too(tmp_path):
    for coverage in (None, {}, {"XX.A": [[T0, T0 + DAY_NS]]}):
        found = statistics(catalog([]), coverage=coverage)
        assert numbers(found)["n_events"] == 0
        page = catalog_report(tmp_path / "s.html", found, title="t").read_text()
        assert "There are no events." in page
        assert "<img" not in page  # no empty panels


def test_order_does_not_matter():
    rng = np.random.default_rng(9)
    events = magnitudes(rng).events
    mixed = make_catalog(events.sample(frac=1, random_state=1))
    assert numbers(statistics(mixed)) == numbers(statistics(make_catalog(events)))


@pytest.mark.parametrize("name", ["rates", "hours", "waiting", "magnitudes"])
@pytest.mark.parametrize("n", [0, 1, 400])
def test_figures_of_any_number_of_events(name, n):
    events = magnitudes(np.random.default_rng(2)).events.head(n)
    live = [[T0, T0 + 10 * DAY_NS], [T0 + 12 * DAY_NS, T0 + 30 * DAY_NS]]
    for coverage in (None, {"XX.A": live}):
        found = statistics(make_catalog(events), coverage=coverage)
        figure = getattr(plots, f"plot_{name}")(found)
        assert plots.png(figure).startswith(b"\x89PNG")
        axes = figure.axes[0]
        assert axes.get_ylabel() or n == 0
        if name == "magnitudes" and n == 400:
            texts = [text.get_text() for text in axes.get_legend().get_texts()]
            assert sum(" b " in text for text in texts) == 3


@pytest.mark.real
def test_marsquakes_come_in_the_evening(shared_data):
    from seisml.formats import read_catalog

    path = shared_data / "mars_insight/catalogs/mqs_catalog_20191002.xml"
    mqs = read_catalog(path)
    found = statistics(mqs)
    assert numbers(found)["n_events"] == 141
    hours = found.by_hour.set_index("hour")["n_events"]
    assert found.hour_name == "LMST"
    assert hours[17:23].sum() > 90  # published: 87 of the 98 2.4 Hz events, from 17 to 23 h
    assert hours[8:15].sum() < 8
