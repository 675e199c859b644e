"""Models: scikit-learn classifiers, honest splits, calibration, and the Detector with its file.

scikit-learn starts here, at the feature table. A Detector file is a skops archive: loading one
never runs code, and refuses any type that seisml does not write itself.
"""

from seisml.model.adapting import adapted, check_adaptable
from seisml.model.calibration import (
    Calibration,
    brier,
    cross_calibrated,
    fit_calibration,
    over_threshold,
    reliability,
)
from seisml.model.classifiers import (
    CLASSIFIERS,
    balances,
    finite,
    fit_classifier,
    make_classifier,
)
from seisml.model.detector import (
    Detector,
    always_known,
    check_table,
    event_probability,
    is_noise,
    predict,
)
from seisml.model.estimators import NOISE_CLASS, StaLtaThreshold, StationScaler
from seisml.model.files import (
    PACKAGES,
    TRUSTED,
    find_model,
    load_detector,
    save_detector,
    shipped_models,
)
from seisml.model.novelty import UNKNOWN, Novelty
from seisml.model.priors import estimate_priors, with_priors
from seisml.model.rates import never_learnt, unlike_training
from seisml.model.splits import (
    DAY_S,
    SOL_S,
    SOL_ZERO_NS,
    EvenOddSplit,
    LeaveOneStationOut,
    PurgedGroupTimeSplit,
    make_blocks,
    within,
)
from seisml.model.verifier import Verifier

__all__ = [
    "CLASSIFIERS",
    "DAY_S",
    "NOISE_CLASS",
    "PACKAGES",
    "SOL_S",
    "SOL_ZERO_NS",
    "TRUSTED",
    "UNKNOWN",
    "Calibration",
    "Detector",
    "EvenOddSplit",
    "LeaveOneStationOut",
    "Novelty",
    "PurgedGroupTimeSplit",
    "StaLtaThreshold",
    "StationScaler",
    "Verifier",
    "adapted",
    "always_known",
    "balances",
    "brier",
    "check_adaptable",
    "check_table",
    "cross_calibrated",
    "estimate_priors",
    "event_probability",
    "find_model",
    "finite",
    "fit_calibration",
    "fit_classifier",
    "is_noise",
    "load_detector",
    "make_blocks",
    "make_classifier",
    "never_learnt",
    "over_threshold",
    "predict",
    "reliability",
    "save_detector",
    "shipped_models",
    "unlike_training",
    "with_priors",
    "within",
]
