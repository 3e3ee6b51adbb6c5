"""The errors that zoo raises for its users. Each message is one line that says what to do."""

import sys
import warnings


class ZooError(Exception):
    """Anything that a user can correct: the command line prints it as one line and exits with 2."""


class DefinitionError(ZooError):
    """A model, card or suite is unknown, misspelt or inconsistent."""


class DataError(ZooError):
    """Data cannot be loaded, or differ from their card."""


class ModelFileError(ZooError):
    """A model cannot be written to a file, or a file is not a valid model file."""


class ExportError(ZooError):
    """A model cannot be written in a format, or a file of it cannot be written there."""


class StoreError(ZooError):
    """A results folder is not one, or holds records that cannot be read."""


class MissingExtraError(ZooError):
    """A package of an optional extra is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} is not installed; it comes with the extra '{extra}': "
            f"pip install 'model-zoo-curves[{extra}]'"
        )


class UnknownBackendError(MissingExtraError):
    """The backend that Keras is set to is none that an extra could install."""

    def __init__(self, message: str) -> None:
        ZooError.__init__(self, message)


class UnreadValuesWarning(UserWarning):
    """Values of a table are not as in training, cannot be read, or are ambiguous or rounded."""


def warn_caller(text: str, category: type[Warning] = UnreadValuesWarning) -> None:
    """Issue a warning as if from the line that called into this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("zoo."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
