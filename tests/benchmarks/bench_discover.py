"""A million windows of 60 features, grouped: ``python tests/benchmarks/bench_discover.py [N]``.

Prints processor time, peak memory and the groups that were found of the four that were planted.
"""

import resource
import sys
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from seisml.discovery import discover

N_FEATURES, PART = 60, 20_000
SHARES = (0.90, 0.06, 0.03, 0.01)


def parts(n: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield windows of four kinds, day by day, the same each time."""
    centre = 4 * np.random.default_rng(99).standard_normal((len(SHARES), N_FEATURES))
    centre[0] = 0
    for part in range(n // PART):
        rng = np.random.default_rng(part)
        kind = rng.choice(len(SHARES), PART, p=SHARES)
        X = (rng.standard_normal((PART, N_FEATURES)) + centre[kind]).astype(np.float32)
        time_ns = (part * PART + np.arange(PART)) * 2 * 10**9
        items = pd.DataFrame({"station": "XX.A.00.HH", "time_ns": time_ns})
        items["end_ns"] = items["time_ns"] + 6 * 10**9
        yield items, pd.DataFrame(X, columns=[f"f{k}" for k in range(N_FEATURES)])


def main() -> None:
    """Group, and print what it took."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    start = time.process_time()
    found = discover(lambda: parts(n))
    seconds = time.process_time() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{n} x {N_FEATURES}: {seconds:.0f} s processor time, {peak_mb:.0f} MB\n")
    sys.stdout.write("\n".join(found.about) + "\n")
    sys.stdout.write(found.medoids[["kind", "group", "n", "share"]].to_string() + "\n")


if __name__ == "__main__":
    main()
