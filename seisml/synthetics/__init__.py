"""Archives with known truth, written as SDS miniSEED, for demonstrations and tests.

Each generator draws a plan (stations, events, transients, faults of the record) from a seed and
then writes day files independently of each other, so that they may be written in any order and by
any number of processes.
"""

from seisml.synthetics.archive import Truth
from seisml.synthetics.earth import make_archive_small, make_earth_archive
from seisml.synthetics.mars import make_mars_archive
from seisml.synthetics.moon import make_moon_archive

__all__ = [
    "Truth",
    "make_archive_small",
    "make_earth_archive",
    "make_mars_archive",
    "make_moon_archive",
]
