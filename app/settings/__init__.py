"""Everything that can be set from outside: `BOOKING_*` variables, or a `.env` file beside them.

`load` gives what the worker needs as a whole, `read` one section or a few, for commands that need
no more. Both raise SettingsError with one line per wrong or missing variable.
"""

from app.settings.auth import AuthSettings
from app.settings.cache import CacheSettings
from app.settings.reading import Reading, SettingsError, read
from app.settings.settings import LogSettings, Settings, load

__all__ = [
    "AuthSettings",
    "CacheSettings",
    "LogSettings",
    "Reading",
    "Settings",
    "SettingsError",
    "load",
    "read",
]
