"""Building again what a version kept, with one answer to everything that may not fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import VersionError


@contextmanager
def rebuilding(message: str, *, expected: str = "settings and weights of one training") -> Iterator[None]:
    """Turn what goes wrong inside into an error of the version.

    Parameters
    ----------
    message:
        The error's sentence, such as "The kept network cannot be built again."

    Raises
    ------
    VersionError
        A setting is missing or cannot be, or the weights do not fit the network.
    """
    try:
        yield
    except (KeyError, ValueError, RuntimeError, OSError) as error:  # pydantic's errors are ValueErrors
        raise VersionError(
            message,
            given=(str(error) or type(error).__name__).splitlines()[0],
            expected=expected,
            do="train a new version, or restore the home from a copy",
        ) from error
