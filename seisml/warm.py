"""Warm: importing this loads what the first day of a worker process needs, and nothing else.

Workers are copies of a process that has imported it (`seisml.executors`): what each would do once
is then done once for all, and what is loaded stays common memory.
"""

import gc

from seisml import decoding, extract, stationday
from seisml.features import fast, registry

registry.load_features()
stationday.versions()
extract.threads()
decoding.loaded("MSEED", "readFormat")
for _name in fast.LOOPS:
    fast.compiled(_name)
gc.freeze()  # a collection would write to all of it, and so copy it
