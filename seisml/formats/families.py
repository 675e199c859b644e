"""All modules of formats that have a tuple ``FORMATS``, in the order in which they were added."""

from seisml.formats import (
    cards,
    fdsn_text,
    geojson,
    hypoinverse,
    insight,
    mapped,
    nakamura,
    numeric,
    phase_list,
    phasenet_old,
    pywcc,
    real,
    scml,
    snuffler,
    spaceapps,
    through_obspy,
    usgs,
)

FAMILIES = (
    *fdsn_text.FORMATS,
    *usgs.FORMATS,
    *spaceapps.FORMATS,
    *insight.FORMATS,
    *nakamura.FORMATS,
    *cards.FORMATS,
    *hypoinverse.FORMATS,
    *numeric.FORMATS,
    *phase_list.FORMATS,
    *phasenet_old.FORMATS,
    *through_obspy.FORMATS,
    *mapped.FORMATS,
    *real.FORMATS,
    *scml.FORMATS,
    *pywcc.FORMATS,
    *snuffler.FORMATS,
    *geojson.FORMATS,
)
"""Their rows of the registry."""
