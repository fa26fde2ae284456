"""Files that settings name: what they hold, or what is wrong with them in a few words."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_LARGEST: Final = 4 * 1024 * 1024  # a bundle of all authorities has a quarter of a megabyte


class Unreadable(Exception):
    """The message says why, to go on after the file's name: "does not exist"."""


def contents(path: Path) -> bytes:
    """What the file holds, all of it. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            found = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise Unreadable("does not exist") from None
    except IsADirectoryError:
        raise Unreadable("is a directory") from None
    except PermissionError:
        raise Unreadable("may not be read by this user") from None
    except (OSError, ValueError) as error:  # a name with a null, for one, is a ValueError
        raise Unreadable(f"cannot be read ({type(error).__name__})") from None
    if not found:
        raise Unreadable("is empty")
    if len(found) > _LARGEST:
        raise Unreadable("is larger than 4 MiB")
    return found
