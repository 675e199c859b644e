"""TrainingRule: how a detector is trained and validated."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from seisml.errors import ConfigError, did_you_mean
from seisml.model import DAY_S
from seisml.model.calibration import METHODS
from seisml.model.classifiers import SCALES

SPLITS = ("blocks", "even_odd", "even-odd-sols", "set", "station")


@dataclasses.dataclass(frozen=True)
class TrainingRule:
    """How a detector is trained and validated.

    Attributes
    ----------
    model : str
        Name or import path for `seisml.model.make_classifier`.
    settings : mapping
        Keywords of the classifier.
    search : mapping of str to list
        Values of settings to choose from, by the F1 of events on the folds that are not tested.
    scale : str
        ``station``: columns are scaled by their median and spread at each station; or ``none``.
    split : str
        What a fold leaves out: ``blocks`` of time, every second block (``even_odd``), the sols of
        InSight with an even or an odd number (``even-odd-sols``), a whole
        training ``set`` (a network that the model never saw), or a ``station`` with all its time
        and sensors.
    n_folds : int
        Folds that the blocks of time are dealt to; fewer where there are fewer blocks.
    block_s : float, s
        Length of a block of time, see `seisml.model.make_blocks`.
    zero_ns : int
        When one of the blocks begins, ns.
    purge_s : float, s
        Windows for training keep this distance from tested ones, besides the length of the longest
        window that features are made of.
    embargo_s : float, s
        And this after tested ones, because features remember their background. Negative: as long
        as the background's memory, at most a tenth of a block.
    noise_per_event : float
        Noise windows for training, for each event window; drawn evenly from all blocks.
    starts : float
        Least share of the windows for training that lie shortly after the start of a record; where
        there are fewer, others are learnt as if they did, see `seisml.starts`. 0: as they are.
    max_windows : int
        Upper limit of windows for training.
    one_class : bool
        Learn "event" against noise, whatever the expert's classes are.
    min_class_events : int
        Classes with fewer events are learnt as "event" ("noise" for non-seismic ones).
    class_weight : str
        ``balanced`` or ``none``.
    calibration : str
        See `seisml.model.fit_calibration`.
    threshold : float
        A probability that is stated beforehand, for all folds; 0: it is chosen on the events of
        the other folds, as follows.
    false_alarms_per_day : float
        The threshold is the lowest from which on there are no more unmatched detections in a
        station-day; 0: the threshold with the best F1 of events.
    novelty : float
        Share of training events that may be called unknown, see `seisml.model.Novelty`; 0: none
        ever is.
    seed : int
    n_models : int
        Classifiers with seeds that follow on, whose probabilities are averaged.
    pool : bool
        Learn from medians and maxima over the components, see `seisml.pooling.pooled`.
    vertical : bool
        Learn from the vertical and from three components together, see
        `seisml.pooling.vertical`.
    verify : bool
        Learn a second look at candidates, at their own onsets, and take it if it helps: see
        `seisml.verifying`. It needs waveforms, in training and in use. Not where training sets
        are left out (``split`` = set), for networks that nothing was learnt of: S - P, codas and
        how dense events are belong to a place.
    """

    model: str = "hist_gradient_boosting"
    settings: Mapping = dataclasses.field(default_factory=dict)
    search: Mapping = dataclasses.field(default_factory=dict)
    scale: str = "none"
    split: str = "blocks"
    n_folds: int = 5
    block_s: float = DAY_S
    zero_ns: int = 0
    purge_s: float = 60.0
    embargo_s: float = -1.0
    noise_per_event: float = 20.0
    starts: float = 0.0
    max_windows: int = 200_000
    one_class: bool = True
    min_class_events: int = 5
    class_weight: str = "none"
    calibration: str = "auto"
    threshold: float = 0.0
    false_alarms_per_day: float = 0.0
    novelty: float = 0.0
    seed: int = 0
    n_models: int = 1
    pool: bool = False
    vertical: bool = False
    verify: bool = False

    def __post_init__(self):
        choices = {
            "split": SPLITS,
            "class_weight": ("none", "balanced"),
            "calibration": METHODS,
            "scale": SCALES,
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ConfigError(f"There is no {name} {value!r}.", did_you_mean(value, allowed))
        for name, example in (("novelty", 0.01), ("threshold", 0.5), ("starts", 0.2)):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ConfigError(
                    f"{name} = {value} is no share.", f"Take {example}, or 0 for none."
                )
        if self.threshold and self.false_alarms_per_day:
            raise ConfigError(
                f"A threshold of {self.threshold} and a rate of false alarms are both given.",
                "Leave out one of threshold and false_alarms_per_day.",
            )
        if not 0 <= self.false_alarms_per_day < np.inf:
            raise ConfigError(
                f"false_alarms_per_day = {self.false_alarms_per_day} is no rate.", "Take 2, say."
            )
        if isinstance(self.n_models, bool) or self.n_models < 1:
            raise ConfigError(f"n_models = {self.n_models!r} is no number of models.", "Take 4.")
        for name, values in self.search.items():
            if not isinstance(values, (list, tuple)) or not values:
                raise ConfigError(f"search: {name} = {values!r} is no list.", f"{name} = [1, 2].")

    @property
    def options(self) -> dict:
        """Keywords for `seisml.model.make_classifier`."""
        weight = "balanced" if self.class_weight == "balanced" else None
        return {
            "settings": self.settings,
            "scale": self.scale,
            "class_weight": weight,
            "seed": self.seed,
            "n_models": self.n_models,
        }
