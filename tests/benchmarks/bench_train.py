"""Training on a million windows of 60 features: ``python tests/benchmarks/bench_train.py [DAYS]``.

Windows of 6 s every 2 s of one station, 23 days by default, 40 planted events a day. Prints the
processor time and the peak memory of a training (boosting, five folds, isotonic calibration,
thresholds of the model and of STA/LTA), plain and with a search over six settings.
"""

import dataclasses
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from training_data import DETECTION, MATCHING, event_times, make_store, training_set

from seisml.metrics import metrics
from seisml.training import train
from seisml.trainingrule import TrainingRule

COLUMNS = ("stalta_short_max.Z", "kurtosis.Z", *[f"f{k}.Z" for k in range(58)])
RULE = TrainingRule(calibration="isotonic")
SEARCH = {"learning_rate": [0.05, 0.15], "max_leaf_nodes": [7, 15, 31]}


def main() -> None:
    """Train, and print what it took."""
    n_days = int(sys.argv[1]) if len(sys.argv) > 1 else 23
    events = event_times(n_days, 40, 1)
    with tempfile.TemporaryDirectory() as folder:
        make_store(folder, events, n_days=n_days, per_day=96, columns=COLUMNS)
        one = training_set(folder, events)
        for name, rule in (("plain", RULE), ("search", dataclasses.replace(RULE, search=SEARCH))):
            start = time.process_time()
            done = train([one], rule=rule, detection=DETECTION, matching=MATCHING)
            seconds = time.process_time() - start
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            sys.stdout.write(
                f"{name}: {len(done.windows)} windows x {len(COLUMNS)}, "
                f"{done.detector.card['n_windows']['training']} of them learnt: {seconds:.0f} s "
                f"processor time, {peak_mb:.0f} MB, F1 {metrics(done.test)['f1']:.3f}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
