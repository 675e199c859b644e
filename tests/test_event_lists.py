"""Event lists and bulletins: the traps of each format, with planted values."""

import catalog_samples as samples
import numpy as np
import pandas as pd
import pytest
from test_formats import put

from seisml.catalog import make_catalog
from seisml.described import describe_catalog
from seisml.errors import CatalogError
from seisml.formats import read_catalog, write_catalog
from seisml.times import NAT, NS_PER_S, iso, to_ns


def read(tmp_path, text, **options):
    return read_catalog(put(tmp_path, text), **options)


def times(catalog) -> list[str]:
    return [iso(time)[:23] for time in catalog.events["time_ns"]]


# ---------------------------------------------------------------- FDSN text


def test_fdsn_fields_become_columns_and_empty_ones_unknown(tmp_path):
    one, two = read(tmp_path, samples.FDSN).events.to_dict("records")
    assert (one["event_id"], one["label"], one["magnitude"]) == ("xx1", "earthquake", 2.5)
    assert one["time_ns"] == to_ns("2020-01-01T00:00:10.5Z")  # without Z it is UTC all the same
    assert (one["latitude"], one["longitude"], one["depth_km"]) == (35.25, -117.5, 8.0)
    assert (one["MagAuthor"], one["EventLocationName"]) == ("net", "10 km W of Nowhere, XX")
    assert np.isnan([two["depth_km"], two["magnitude"]]).all()
    assert two["label"] == two["Author"] == ""


def test_fdsn_bars_in_a_name_and_lines_that_cannot_be_used(tmp_path):
    lines = samples.FDSN.splitlines()
    lines[1] = lines[1].replace("10 km W of", "10 km | W of")
    more = [
        "x3|2020-02-31T00:00:00|1|2|3|a|b|c|d|ml|1|a|name|",
        "x4|2020-01-01T00:00:00|91|2|3|a|b|c|d|ml|1|a|name|",
        "x5|2020-01-01T00:00:00|NaN|2|3|a|b|c|d|ml|1|a|name|",
        "x6|2020-01-01T00:00:00|1|2|3",
        "x7||1|2|3|a|b|c|d|ml|1|a|name|",
        "xx2|2020-01-02T00:00:00Z|36|-118||||||||||",
        lines[0],
    ]
    catalog = read(tmp_path, "\n".join(lines + more))
    assert catalog.events["event_id"].tolist() == ["x5", "xx1", "xx2"]
    assert catalog.events["EventLocationName"][1] == "10 km | W of Nowhere, XX"
    assert catalog.dropped == {
        "Time is no ISO 8601 time of the calendar": 1,
        "latitude outside -90 to 90": 1,
        "number of fields is not 14": 1,
        "Time is missing": 1,
        "same event again": 1,
    }
    assert catalog.dropped_lines["same event again"] == (9,)
    with pytest.raises(CatalogError, match=r"'xx2' stands in lines 3 and 4, with different"):
        read(tmp_path, samples.FDSN + "xx2|2020-01-03T00:00:00Z|36|-118||||||||||\n")


def test_fdsn_text_of_the_mars_service_has_public_names(tmp_path):
    header = samples.FDSN.splitlines()[0]
    line = (
        "mqs2022wrzi|2022-05-04T23:23:07|-3|171.9|22|MQS|v14|MQS|S1222a|MW|4.6|MQS|Mars|BROADBAND"
    )
    catalog = read(tmp_path, f"{header}\n{line}\n")
    event = catalog.events.iloc[0]
    assert (catalog.body, event["event_id"], event["label"]) == ("mars", "S1222a", "BROADBAND")
    write_catalog(catalog, tmp_path / "copy.txt")
    assert line.replace("23:07|", "23:07.000000|") in _plain(tmp_path / "copy.txt")


def _plain(path) -> str:
    return path.read_text().replace(".0|", "|")


def test_written_fdsn_text_is_what_obspy_and_we_read(tmp_path):
    from obspy import read_events

    catalog = read(tmp_path, samples.COMCAT)
    write_catalog(catalog, tmp_path / "out.txt")
    again = read_catalog(tmp_path / "out.txt")
    for column in ("event_id", "time_ns", "latitude", "depth_km", "magnitude", "label"):
        pd.testing.assert_series_equal(again.events[column], catalog.events[column])
    found = read_events(str(tmp_path / "out.txt"), format="EVENTTXT")
    assert [event.origins[0].depth for event in found] == [1200.0, 10_000.0]
    assert found[0].origins[0].time == "2020-01-01T00:00:10.5Z"


def test_fdsn_text_says_what_it_cannot_hold(tmp_path):
    detections = make_catalog([{"time_ns": 1}], time_basis="detection_on")
    with pytest.raises(CatalogError, match="these are times of detection_on"):
        write_catalog(detections, tmp_path / "x.txt")
    barred = make_catalog([{"time_ns": 1, "event_id": "a|b"}])
    with pytest.raises(CatalogError, match=r"EventID is 'a\|b', but FDSN text has no way"):
        write_catalog(barred, tmp_path / "x.txt")
    assert not (tmp_path / "x.txt").exists()


# ---------------------------------------------------------------- ComCat


@pytest.mark.parametrize("count", [13, 15, 22])
def test_comcat_of_every_age(count, tmp_path):
    table = pd.read_csv(put(tmp_path, samples.COMCAT), dtype=str, keep_default_na=False)
    table.iloc[:, :count].to_csv(tmp_path / "old.csv", index=False)
    catalog = read_catalog(tmp_path / "old.csv")
    one, two = catalog.events.to_dict("records")
    assert (one["event_id"], one["magnitude"], one["dmin"]) == ("xx1", 1.4, 0.5)
    assert one["updated_ns"] == to_ns("2020-02-01T00:00:00.040Z")
    assert np.isnan(two["nst"])
    if count >= 15:
        assert (one["place"], one["label"]) == ("5 km N of Glacier, XX", "ice quake")
        assert two["label"] == "quarry blast"


def test_comcat_times_need_a_zone_and_rows_are_counted(tmp_path):
    text = samples.COMCAT.replace("10.500Z", "10.500").replace("00.000Z", "00.000")
    text = text.replace("00.040Z", "00.040")
    with pytest.raises(CatalogError, match="2 x time has no time zone") as caught:
        read(tmp_path, text)
    assert caught.value.hint.startswith("State the zone: 'seisml catalog FILE --zone UTC")
    shifted = read(tmp_path, text, zone="Asia/Shanghai")
    assert times(shifted)[0] == "2019-12-31T16:00:10.500"
    mixed = read(tmp_path, samples.COMCAT.replace("10.500Z", "10.500"))
    assert (len(mixed), mixed.dropped) == (1, {"time has no time zone": 1})
    assert mixed.dropped_lines == {"time has no time zone": (2,)}


def test_comcat_keeps_the_newest_version_of_an_event(tmp_path):
    line = samples.COMCAT.splitlines()[2]
    newer = line.replace("T00:00:00.000Z", "T00:00:01.000Z").replace("2020-02-01", "2020-03-01")
    newer = newer.replace(",10,5,", ",10,5.2,")
    catalog = read(tmp_path, f"{samples.COMCAT}{newer}\n{line}\n")
    assert catalog.events["magnitude"].tolist() == [1.4, 5.2]
    assert catalog.dropped == {"older version of the same event": 2}
    assert catalog.dropped_lines["older version of the same event"] == (3, 5)


def test_comcat_lines_that_cannot_be_used(tmp_path):
    good = samples.COMCAT.splitlines()[2]
    odd = [
        good.replace("2020-01-02", "2020-02-31").replace("us1", "us2"),
        good.replace("37.5,", "north,").replace("us1", "us3"),
        good + ",more",
        '"quoted\nover two lines",1',
        good.replace("us1", "us4").replace("137.25", "NaN"),
    ]
    catalog = read(tmp_path, samples.COMCAT + "\n".join(odd) + "\n")
    assert catalog.events["event_id"].tolist() == ["xx1", "us1", "us4"]
    assert np.isnan(catalog.events["longitude"][2])
    assert catalog.dropped_lines == {
        "time is no ISO 8601 time of the calendar": (4,),
        "latitude is no number": (5,),
        "number of fields is not 22": (6, 7),
    }
    with pytest.raises(CatalogError, match=r"line \d: unexpected end of data"):
        read(tmp_path, samples.COMCAT + '"2020-01-01T00:00:00Z,1,2\n')


# ---------------------------------------------------------------- Apollo and Space Apps


def test_levent_columns_midnight_classes_and_stations(tmp_path):
    catalog = read(tmp_path, samples.LEVENT)
    one, two = catalog.events.to_dict("records")
    assert (catalog.body, catalog.time_basis) == ("moon", "label_start")
    assert one["event_id"] == "1971-107-2350"
    assert (iso(one["time_ns"])[:16], iso(one["end_ns"])[:16]) == (
        "1971-04-17T23:50",
        "1971-04-18T00:10",  # a stop before the start is of the next day
    )
    assert (one["label"], one["amplitude_s12_mm"], one["amplitude_s14_mm"]) == (
        "shallow moonquake",
        26.0,
        115.0,
    )
    assert (one["plots"], one["data_quality"]) == ("S12:2,S14:2", "S12:2,S15:4")
    assert (two["label"], two["class_code"], two["nest"]) == ("deep moonquake", "M", "A1")
    assert np.isnan(two["amplitude_s12_mm"])  # -1. only says that the station saw it
    assert two["seen_by"] == "S12,S15,S16"
    assert two["uncertainty_s"] == pytest.approx(60 / 12**0.5)


def card(day, start, stop="    ", amplitudes="", code=" ", new="    ", year=71) -> str:
    return f"  {year} {day:3d} {start} {stop} {amplitudes:57}{code}{'':4}{new}"


def test_levent_stops_ids_and_impossible_cards(tmp_path):
    cards = [
        card(365, "2350", "9999", code="A"),
        card(1, "0005", "0010", year=72),
        card(2, "0100", "2400", year=72),
        card(2, "0100", "0200", code="C", year=72),
        card(2, "0100", "0200", code="C", year=72),  # the same card
        card(3, "1260", year=72),
        card(366, "0100", year=73),
        card(366, "0100", year=72, new="T504"),
        card(4, "0100", "2561", year=72),
        "no card",
    ]
    catalog = read(tmp_path, "\n".join(cards))
    events = catalog.events.set_index("event_id")
    assert list(events.index) == [
        "1971-365-2350",
        "1972-001-0005",
        "1972-002-0100",
        "1972-002-0100b",
        "1972-366-0100",
    ]
    assert iso(events["end_ns"]["1971-365-2350"])[:16] == "1972-01-01T00:05"  # the next event
    assert events["continues"].tolist() == [True, False, False, False, False]
    assert iso(events["end_ns"]["1972-002-0100"])[:16] == "1972-01-03T00:00"
    assert events["end_ns"]["1972-366-0100"] == NAT
    assert events["label"].tolist() == [
        "deep moonquake",
        "",
        "",
        "meteoroid impact",
        "thermal moonquake",
    ]
    assert catalog.dropped_lines == {
        "no card of this catalogue": (10,),
        "same card again": (5,),
        "start is no time of the calendar": (6, 7),
        "stop is no time of the day": (9,),
    }


def test_levent_first_station_is_apollo_11_until_it_ended(tmp_path):
    text = card(238, "0100", amplitudes="3.1 ", year=69) + "\n"
    text += card(332, "0100", amplitudes="2.0 ", year=69) + "\n"
    events = read(tmp_path, text).events
    assert events["seen_by"].tolist() == ["S11", "S12"]
    assert events["amplitude_s11_mm"].tolist()[0] == 3.1
    assert events["amplitude_s12_mm"].tolist()[1] == 2.0
    with pytest.raises(CatalogError, match="body is 'earth'"):
        read(tmp_path, samples.LEVENT, body="earth")


def test_spaceapps_trusts_the_absolute_time_only(tmp_path):
    moon = read(tmp_path, samples.SPACEAPPS)
    assert (moon.body, moon.time_basis) == ("moon", "label_start")
    assert times(moon)[1] == "1971-02-04T12:55:00.000"
    assert moon.events["station"].tolist() == ["XA.S12", "XA.S12"]
    assert moon.events["time_rel_s"].tolist() == [14700.0, 46500.0]
    assert moon.events["label"].tolist() == ["impact_mq", "deep_mq"]
    other = "\ufefffilename,time,evid\nXB.ELYSE.02.BHV.M.2022.034.080000_x.mseed,{},evid0005\n"
    mars = read(tmp_path, other.format("2022-02-03T08:08:27.000000"))
    assert (mars.body, mars.events["station"][0]) == ("mars", "XB.ELYSE")
    assert np.isnan(mars.events["uncertainty_s"][0])
    with pytest.raises(CatalogError, match="not one line can be used: 1 x time is no ISO 8601"):
        read(tmp_path, other.format("03/02/2022 08:08"))
    both = samples.SPACEAPPS + "XB.ELYSE.x,2022-01-01T00:00:00,1,evid7,\n"
    with pytest.raises(CatalogError, match="files are of several bodies: mars, moon"):
        read(tmp_path, both)


# ---------------------------------------------------------------- InSight lists


def test_epochs_with_breaks_lists_and_errors(tmp_path):
    catalog = read(tmp_path, samples.EPOCHS)
    one, two = catalog.events.to_dict("records")
    assert one["annotation"] == "a first line\n\nand a third, with comma"
    assert (one["label"], two["label"]) == ("DONKS", "DONKS;TEMPERATURE_GLITCH")
    assert one["end_ns"] - one["time_ns"] == 20 * NS_PER_S
    assert two["end_ns"] == NAT
    assert (catalog.body, one["station"]) == ("mars", "XB.ELYSE")
    start = '"2019-04-01T00:00:00Z"'
    odd = [
        f'{start},"2018-04-01T00:00:00Z","a","","",""',
        f'{start},"2019-04-01T00:00:05Z","a","","","said "quoted"", and more"',
        f'{start},"","a","","","never ends',
        f'{start},"","a","","",""',
    ]
    catalog = read(tmp_path, samples.EPOCHS + "\n".join(odd) + "\n")
    assert len(catalog) == 4  # the one that never ends does not swallow the next
    assert catalog.dropped_lines == {
        "number of fields is not 6": (7,),
        "end before start": (6,),
    }


def test_seisglitch_columns_and_midnight(tmp_path):
    catalog = read(tmp_path, samples.SEISGLITCH)
    one = catalog.events.iloc[0]
    assert (one["event_id"], one["label"], one["station"]) == ("000001", "glitch", "XB.ELYSE")
    assert one["end_ns"] - one["time_ns"] == 25 * NS_PER_S  # over midnight, of the day and the sol
    assert (one["GLITCH-LMST-S"], one["GLITCH-LMST-E"]) == ("092M23:59:58", "093M00:00:22")
    assert (one["U-GLITCH"], one["AZI_3D_GAI"], one["POL_3D_GAI"]) == (0, 50.2, 0.993)
    short = samples.SEISGLITCH.replace(" 0.993\n000002", "\n000002")
    assert read(tmp_path, short).dropped_lines == {"number of fields is not 23": (4,)}


# ---------------------------------------------------------------- HYPO71, SCEDC


def test_hypo71_degrees_minutes_and_years(tmp_path):
    catalog = read(tmp_path, samples.HYPO71, zone="UTC")
    old, new = catalog.events.to_dict("records")
    assert times(catalog) == ["1999-12-31T09:05:03.040", "2019-07-06T03:19:53.040"]
    assert new["latitude"] == pytest.approx(35 + 46.17 / 60)
    assert new["longitude"] == pytest.approx(-(117 + 35.96 / 60))  # West without a letter
    assert (new["depth_km"], new["magnitude"], new["quality"]) == (8.0, 7.1, "A1")
    assert (new["gap_deg"], new["rms_s"]) == (147, 0.16)
    assert old["latitude"] == pytest.approx(-(35 + 6.17 / 60))
    assert old["longitude"] == pytest.approx(9 + 5.96 / 60)
    assert np.isnan(old["magnitude"])
    east = samples.HYPO71.replace("LONG W", "LONG E")
    assert read(tmp_path, east, zone="UTC").events["longitude"][1] == -new["longitude"]


def test_hypo71_cards_that_cannot_be(tmp_path):
    card = samples.HYPO71.splitlines()[1]
    odd = [card.replace("190706", "190231"), card.replace("35-46", "91-46"), card[:20]]
    odd += [card.replace("46.17", "66.17"), card.replace("53.04", "60.00")]
    catalog = read(tmp_path, "\n".join([card, *odd]), zone="UTC")
    assert times(catalog) == ["2019-07-06T03:19:53.040", "2019-07-06T03:20:00.000"]
    assert catalog.dropped_lines == {
        "no summary card of HYPO71": (4,),
        "date and clock are no time of the calendar": (2,),
        "latitude outside -90 to 90": (3,),
        "latitude is no degrees and minutes": (5,),
    }


def test_scedc_lists(tmp_path):
    catalog = read(tmp_path, samples.SCEDC)
    one, two = catalog.events.to_dict("records")
    assert times(catalog) == ["2019-07-06T03:19:53.040", "2020-01-01T00:00:00.000"]
    assert (one["label"], one["magnitude"], one["magnitude_type"]) == ("eq", 7.1, "w")
    assert (one["event_id"], one["quality"], one["n_phases"]) == ("11111111", "A", 190)
    assert (two["label"], two["depth_km"]) == ("qb", -1.2)
    assert np.isnan(two["magnitude"])  # type n: there is none
    assert two["magnitude_type"] == ""
    broken = (
        samples.SCEDC + "2019/02/31 00:00:00.00 eq  l 1.00 l   35.0 -117.5   8.0 A 3 1 2\ncut\n"
    )
    assert read(tmp_path, broken).dropped_lines == {
        "no event of an SCEDC list": (6,),
        "date and clock are no time of the calendar": (5,),
    }


# ---------------------------------------------------------------- hypoDD, ZMAP


def test_hypodd_reloc_and_loc(tmp_path):
    catalog = read(tmp_path, samples.RELOC, zone="UTC")
    one, two = catalog.events.to_dict("records")
    assert times(catalog) == ["2019-07-06T03:19:53.040", "2020-01-01T00:00:00.000"]
    assert (one["event_id"], one["depth_km"], one["x_m"], one["error_z_m"]) == (
        "101",
        8.1,
        120.5,
        7.3,
    )
    assert np.isnan(one["rms_cc_s"])  # -9
    assert (one["rms_ct_s"], two["depth_km"], two["cluster"]) == (0.12, -0.4, 1)
    loc = "\n".join(" ".join([*line.split()[:17], "1"]) for line in samples.RELOC.splitlines())
    assert times(read(tmp_path, loc, zone="UTC")) == times(catalog)
    over = samples.RELOC.replace(" 53.040", " ******").replace("     102", "     103")
    assert read(tmp_path, over, zone="UTC").dropped_lines == {
        "date and clock are no time of the calendar": (1,)
    }
    same = samples.RELOC.replace("     102", "     101")
    with pytest.raises(CatalogError, match="'101' stands in lines 1 and 2"):
        read(tmp_path, same, zone="UTC")


def test_zmap_calendar_counts_and_the_fraction_only_without_it(tmp_path):
    catalog = read(tmp_path, samples.ZMAP, zone="UTC")
    # ObsPy makes 2019-07-02T12:00 of the first
    assert times(catalog) == ["2019-07-06T03:19:53.040", "2019-10-01T18:00:00.000"]
    one = catalog.events.iloc[0]
    assert (one["longitude"], one["latitude"], one["depth_km"]) == (-117.599, 35.77, 8.0)
    whole = samples.ZMAP.replace("2019.5", "2019")
    assert times(read(tmp_path, whole, zone="UTC")) == times(catalog)
    undated = samples.ZMAP.replace("2019.75", "2019").replace("7\t6\t7.1", "2\t31\t7.1")
    with pytest.raises(CatalogError, match=r"1 x date is missing \(line 2\)"):
        read(tmp_path, undated, zone="UTC")
    errors = "\n".join(f"{line}\t1\t2\t0.1" for line in samples.ZMAP.splitlines())
    assert read(tmp_path, errors, zone="UTC").events["error_depth_km"].tolist() == [2.0, 2.0]


# ---------------------------------------------------------------- zones


@pytest.mark.parametrize("name", ["hypo71", "hypodd", "zmap", "phase-list", "hypodd-phases"])
def test_formats_without_a_zone_need_one(name, tmp_path):
    path = put(tmp_path, samples.SAMPLES[name])
    with pytest.raises(CatalogError, match="have no time zone") as caught:
        read_catalog(path)
    assert "zone='UTC'" in caught.value.hint
    utc, local = (read_catalog(path, zone=zone) for zone in ("UTC", "Asia/Shanghai"))
    shift = utc.events["time_ns"] - local.events["time_ns"]
    assert shift.tolist() == [8 * 3600 * NS_PER_S] * 2
    assert (utc.picks["time_ns"] - local.picks["time_ns"]).isin([8 * 3600 * NS_PER_S]).all()


def test_phase_list_in_local_time(tmp_path):
    catalog = read(tmp_path, samples.PHASE_LIST, zone="Asia/Shanghai")
    assert times(catalog) == ["2017-09-30T02:00:20.500", "2017-09-30T16:00:00.000"]
    first = catalog.picks.iloc[0]
    assert (first["station"], first["phase"], first["channel"]) == ("XX.ABC", "Pg", "XX.ABC.00.BHZ")
    assert iso(first["time_ns"])[:23] == "2017-09-30T02:00:25.310"
    assert catalog.picks["event_id"].tolist() == ["e000001", "e000001", "e000002"]
    assert catalog.events["depth_km"].tolist()[0] == 14.7
    assert np.isnan(catalog.events["depth_km"][1])  # -99999


# ---------------------------------------------------------------- bulletins


def test_ims_prefers_the_prime_origin_and_knows_the_next_day(tmp_path):
    catalog = read(tmp_path, samples.IMS)
    one, two = catalog.events.to_dict("records")
    assert (one["event_id"], one["region"], one["agency"]) == ("700001", "Nowhere Islands", "ISC")
    assert times(catalog) == ["2020-01-01T23:59:48.500", "2020-01-03T00:00:01.000"]
    assert (one["latitude"], one["depth_km"], one["label"]) == (35.25, 10.0, "earthquake")
    assert (two["label"], two["agency"]) == ("mining explosion", "ISC")  # not prime: the ISC's
    assert [iso(t)[:19] for t in catalog.picks["time_ns"]] == [
        "2020-01-02T00:00:04",
        "2020-01-02T00:00:14",
    ]
    assert catalog.picks["method"].tolist() == ["manual", "automatic"]
    without = read(tmp_path, samples.IMS.replace(" (#PRIME)\n", ""))
    assert (without.events["agency"][0], len(without.picks)) == ("ISC", 2)


def test_bulletins_count_what_obspy_cannot_read(tmp_path):
    broken = samples.IMS.replace("2020/01/03 00:00:00", "2020/02/31 00:00:00")
    catalog = read(tmp_path, broken)
    assert catalog.events["event_id"].tolist() == ["700001"]
    assert catalog.dropped_lines == {"event that ObsPy cannot read (ValueError)": (15,)}
    assert read(tmp_path, samples.GSE2.replace("00:02:20.7", "00:0x:20.7")).dropped_lines == {
        "arrival that ObsPy cannot read": (5,)
    }
    late = read(tmp_path, samples.IMS.replace("00:00:14.0", "08:00:14.0"))
    assert (len(late.picks), late.dropped) == (1, {"arrival that ObsPy cannot read": 1})
    twice = samples.GSE2.replace("STOP\n", samples.GSE2[samples.GSE2.index("EVENT 500002") :])
    assert read(tmp_path, twice).dropped == {"same event again": 1}
    with pytest.raises(CatalogError, match=r"'500001' stands in lines 5 and \d+, with different"):
        read(tmp_path, samples.GSE2.replace("500002", "500001"))


def test_gse2(tmp_path):
    catalog = read(tmp_path, samples.GSE2)
    assert catalog.events["event_id"].tolist() == ["500001", "500002"]
    assert times(catalog)[0] == "1995/01/16T23:59:52.4".replace("/", "-") + "00"
    assert catalog.events["depth_km"].tolist() == [66.8, 36.7]
    assert catalog.events["magnitude_type"].tolist() == ["mb", "ML"]
    assert catalog.picks["station"].tolist() == ["ABC", "ABC"]  # no network is made up
    cut = samples.GSE2[: samples.GSE2.index("STOP")]
    assert len(read(tmp_path, cut)) == 2


def test_nordic_next_day_classes_and_seconds(tmp_path):
    catalog = read(tmp_path, samples.NORDIC)
    assert catalog.events["event_id"].tolist() == ["20130901235900", "20130902041200"]
    assert times(catalog) == ["2013-09-01T23:59:15.700", "2013-09-02T04:12:00.000"]
    assert catalog.events["label"].tolist() == ["earthquake", "volcanic"]
    assert catalog.events["distance_class"].tolist() == ["L", "L"]
    assert iso(catalog.picks["time_ns"][1])[:22] == "2013-09-02T00:00:02.50"  # hour 24
    cards = [line for line in samples.NORDIC.splitlines() if line.endswith("1")]
    assert len(read(tmp_path, "\n".join(cards) + "\n")) == 2  # hypocentres only
    twice = read(tmp_path, samples.NORDIC.replace("20130902041200", "20130901235900"))
    assert twice.events["event_id"].tolist() == ["20130901235900", "20130901235900-2"]
    latin = samples.NORDIC.replace("XXX  2 0.2 0.9", "Ä    2 0.2 0.9").encode("latin-1")
    assert read(tmp_path, latin).events["agency"][1] == "Ä"


def test_hypodd_phases(tmp_path):
    catalog = read(tmp_path, samples.HYPODD_PHASES, zone="UTC")
    assert times(catalog)[0] == "2025-05-15T00:00:00.000"  # second 60
    assert catalog.events["magnitude"][0] == 3.5
    assert np.isnan(catalog.events["magnitude"][1])
    travel = catalog.picks["time_ns"][0] - catalog.events["time_ns"][0]
    assert travel / NS_PER_S == pytest.approx(3.522, abs=1e-3)


# ---------------------------------------------------------------- real files


@pytest.mark.real
def test_real_apollo_catalogue(shared_data):
    catalog = read_catalog(shared_data / "lunar_apollo/catalogs/levent.1008.dat")
    assert (len(catalog), catalog.dropped) == (13_026, {})  # every card of this copy
    events = catalog.events
    assert events["event_id"].is_unique
    assert (iso(events["time_ns"].min())[:10], iso(events["time_ns"].max())[:10]) == (
        "1969-07-27",
        "1977-09-30",
    )
    assert events["class_code"].value_counts().drop("").to_dict() == {
        "M": 1784,
        "C": 1739,
        "A": 1352,
        "Z": 255,
        "X": 34,
        "H": 28,
        "S": 5,
        "L": 4,
    }
    assert events["nest"].str[:1].value_counts().drop("").to_dict() == {"A": 7031, "T": 266}
    assert events["continues"].sum() == 888
    assert (events["end_ns"] == NAT).sum() == 500
    known = events[(events["end_ns"] != NAT) & ~events["continues"]]
    minutes = (known["end_ns"] - known["time_ns"]) / (60 * NS_PER_S)
    assert ((minutes >= 0) & (minutes < 1440)).all()
    assert minutes[known["label"] == "meteoroid impact"].median() == pytest.approx(40, abs=1)
    assert minutes[known["label"] == "shallow moonquake"].median() == pytest.approx(52, abs=3)


@pytest.mark.real
def test_real_lunar_challenge_agrees_with_the_apollo_catalogue(shared_data):
    folder = shared_data / "lunar_apollo/catalogs"
    challenge = read_catalog(folder / "apollo12_catalog_GradeA_final.csv")
    assert len(challenge) == 76
    assert challenge.events["label"].value_counts().to_dict() == {
        "impact_mq": 64,
        "deep_mq": 9,
        "shallow_mq": 3,
    }
    assert (challenge.body, set(challenge.events["station"])) == ("moon", {"XA.S12"})
    expert = read_catalog(folder / "levent.1008.dat")
    share = challenge.events["time_ns"].isin(expert.events["time_ns"]).mean()
    assert share > 0.9  # some days were left out of this copy


@pytest.mark.real
@pytest.mark.parametrize("suffix", ["", "_final"])
def test_real_martian_challenge(shared_data, suffix):
    path = shared_data / f"mars_insight/catalogs/Mars_InSight_training_catalog{suffix}.csv"
    catalog = read_catalog(path)
    assert catalog.body == "mars"
    assert times(catalog) == ["2022-01-02T04:35:30.000", "2022-02-03T08:08:27.000"]


@pytest.mark.real
def test_real_epochs_and_glitches(shared_data):
    folder = shared_data / "mars_insight/catalogs"
    epochs = read_catalog(folder / "mqs_annotated_epochs_to_2019-10-01.csv")
    assert len(epochs) + sum(epochs.dropped.values()) == 9350
    assert epochs.dropped == {"number of fields is not 6": 1, "end before start": 2}
    assert (epochs.events["end_ns"] == NAT).sum() == 118
    assert (epochs.events["label"] == "DONKS").sum() == 258
    glitches = read_catalog(folder / "seisglitch_glitches_2019-05-22_2019-05-23.txt")
    assert (len(glitches), glitches.dropped) == (153, {})  # as the list's own summary says
    assert glitches.events["U-GLITCH"].sum() == 99


@pytest.mark.real
def test_real_ice_quakes_of_comcat(shared_data):
    catalog = read_catalog(shared_data / "tables_icequake_features/icequakes_catalog.csv")
    assert (len(catalog), catalog.time_basis, catalog.dropped) == (2649, "origin", {})
    assert (catalog.events["label"] == "ice quake").sum() == 2640


@pytest.mark.real
def test_real_phase_list_is_in_local_time(shared_data):
    path = shared_data / "earth_small/henan_20170930/test2.phase"
    with pytest.raises(CatalogError, match="the times of a phase list have no time zone"):
        read_catalog(path)
    catalog = read_catalog(path, zone="Asia/Shanghai")
    assert times(catalog) == ["2017-09-30T02:00:20.500"]  # within its waveforms, which are UTC
    assert catalog.picks["phase"].value_counts().to_dict() == {"Pg": 7, "Sg": 1}
    lag = (catalog.picks["time_ns"] - catalog.events["time_ns"][0]) / NS_PER_S
    assert (lag > 0).all()


def test_the_summary_says_where_the_dropped_rows_stand(tmp_path):
    catalog = read(tmp_path, samples.ZMAP + "x\n" * 7, zone="UTC")
    rows = dict(describe_catalog(catalog))
    assert rows["rows dropped"] == ("7 x number of fields is not 10 (lines 3, 4, 5, 6, 7, ...)")
    assert dict(describe_catalog(read(tmp_path, samples.FDSN)))["rows dropped"] == "none"


def test_scml_keeps_events_of_foreign_types_and_counts_loose_picks(tmp_path):
    found = read_catalog(put(tmp_path, samples.SCML))
    assert found.events["label"].tolist() == ["quarry blast", "volcano-tectonic"]
    first = found.events.iloc[0]
    assert (first["event_id"], first["depth_km"], first["magnitude"]) == ("e1", 8.0, 2.5)
    assert found.picks[["event_id", "station", "phase"]].to_numpy().tolist() == [
        ["e1", "XX.ABC", "P"]
    ]
    assert found.dropped == {"pick of no event": 1}
    newer = samples.SCML.replace("0.11", "9.9")
    with pytest.raises(CatalogError, match=r"cannot read it as SCML, version 9.9"):
        read_catalog(put(tmp_path, newer))


def test_nonlinloc_states_no_zone_and_rejects_locations_not_events(tmp_path):
    with pytest.raises(CatalogError, match="NonLinLoc have no time zone"):
        read_catalog(put(tmp_path, samples.NLLOC))
    found = read_catalog(put(tmp_path, samples.NLLOC), zone="UTC")
    assert [iso(t) for t in found.events["time_ns"]] == [
        "2020-01-01T00:00:10.500000Z",
        "2020-01-03T00:00:00.250000Z",
    ]
    assert found.events["evaluation_status"].tolist()[1] == "rejected"
    assert found.picks[["station", "phase"]].to_numpy().tolist() == [["ABC", "P"]]
    assert np.isnan(found.events["magnitude"]).all()
