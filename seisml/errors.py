"""The exception tree of seisml.

::

    SeismlError
    ├── ConfigError (ValueError)      a setting that cannot be used
    ├── NoDataError                   nothing there to work on
    ├── FetchError                    a service that cannot be reached or refuses
    ├── CatalogError (ValueError)     a catalogue that cannot be read or used
    ├── MetadataError (ValueError)    station metadata that cannot be read or used
    ├── FeatureError (ValueError)     an unknown feature or impossible request
    ├── TableError                    a feature store that cannot be read
    │   └── StaleTableError           made with other settings
    ├── NotebookError                 a notebook that cannot be built, a check that proves nothing
    └── ModelError                    a model that cannot be trained or loaded
        ├── FeatureMismatchError      a model made for other features
        └── EstimatorError (ValueError) data that an estimator cannot learn from
"""

import difflib
from collections.abc import Iterable


class SeismlError(Exception):
    """Base of all errors that seisml raises on purpose.

    Parameters
    ----------
    problem : str
        What is wrong with which thing: the thing, the rule, the value.
    hint : str, optional
        What to do next.
    """

    def __init__(self, problem: str, hint: str = ""):
        super().__init__(problem if not hint else f"{problem}\n{hint}")
        self.problem = problem
        self.hint = hint

    def __reduce__(self):
        return (type(self), (self.problem, self.hint))


class ConfigError(SeismlError, ValueError):
    """A setting that cannot be used."""


class NoDataError(SeismlError):
    """There is nothing to work on."""


class FetchError(SeismlError):
    """A service that cannot be reached, refuses a request, or stays busy."""


class CatalogError(SeismlError, ValueError):
    """A catalogue that cannot be read or used."""


class MetadataError(SeismlError, ValueError):
    """Station metadata that cannot be read or used."""


class FeatureError(SeismlError, ValueError):
    """An unknown feature or an impossible request for one."""


class TableError(SeismlError):
    """A feature store or table that cannot be read or used."""


class StaleTableError(TableError):
    """Feature tables that were made with other settings."""


class NotebookError(SeismlError):
    """A notebook that cannot be built, or whose checks prove nothing."""


class ModelError(SeismlError):
    """A model that cannot be trained, saved or loaded."""


class EstimatorError(ModelError, ValueError):
    """Data that an estimator cannot learn from: what scikit-learn expects as ValueError."""


class FeatureMismatchError(ModelError, ValueError):
    """A model that was made for other features than those offered."""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return a sentence that suggests the nearest option, or lists the options.

    Parameters
    ----------
    word : str
        What the user wrote.
    options : iterable of str
        What would have been right.

    Returns
    -------
    str
        ``"Did you mean 'x'?"`` or ``"Choose from: a, b, c."``.

    Examples
    --------
    >>> did_you_mean("lenght_s", ["length_s", "hop_s"])
    "Did you mean 'length_s'?"
    """
    options = sorted(options)
    near = difflib.get_close_matches(word, options, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Choose from: {', '.join(options)}."
