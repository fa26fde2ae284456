"""What operators do at the command line, written into the audit log before it is done."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from typing import Any, Final

from adapters.database.audit_log import open_audit_log
from adapters.database.settings import DatabaseSettings
from handlers.audit import Auditor
from handlers.audit_chain import ChainKeys
from handlers.ports import AuditEntry, Effect, Kind

_CHAIN: Final = "operators"
_LONGEST: Final = 255


def operator() -> str:
    """The user of the operating system at this machine, and who called sudo to become that."""
    try:
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except ImportError:  # no such list on Windows
        name = getpass.getuser()
    except KeyError:  # a container's user without a name
        name = str(os.getuid())
    before = os.environ.get("SUDO_USER")
    told = f"{before} as {name}" if before and before != name else name
    printable = "".join(c for c in f"{told}@{socket.gethostname()}" if c.isprintable())
    return printable[:_LONGEST]


def deed(operation: str, effect: Effect, **about: Any) -> AuditEntry:
    """An entry for what is done now; `about` are further fields of AuditEntry."""
    return AuditEntry(
        _CHAIN, Kind.OPERATOR, "operator", operator(), operation, None, effect, **about
    )


@dataclass(frozen=True, slots=True)
class OperatorsLog:
    """The audit log of the database that the command works on."""

    database: DatabaseSettings
    keys: ChainKeys

    @property
    def auditor(self) -> Auditor:
        return Auditor(self.keys)

    async def write(self, *deeds: AuditEntry) -> None:
        """Return when they stand. Raises DatabaseAway: then the deed must not be done."""
        async with open_audit_log(self.database) as log:
            await self.auditor.write(log, deeds)
