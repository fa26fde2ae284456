"""What the handlers need from outside, as Protocols, and the values that pass through them.

The only part of handlers that adapters know. Every call takes and gives whole batches: a round trip
per batch, never per command.
"""

from handlers.ports.lanes import (
    ANY_OFFSET,
    LaneDatabase,
    LaneRows,
    LaneState,
    LaneTransaction,
    Resting,
)
from handlers.ports.limits import CountsUses, UseCounts, Uses
from handlers.ports.log import (
    CommandProcessor,
    Coordinates,
    Held,
    Mark,
    Output,
    Publisher,
    QueryProcessor,
    Record,
    Topics,
)
from handlers.ports.partners import Partners
from handlers.ports.privacy import (
    CannotOpen,
    DataKey,
    KeyStore,
    Sealer,
    ServiceKeys,
    WrappedKey,
    key_id_of,
)
from handlers.ports.reads import (
    Abandoned,
    BookingReads,
    DueExpiry,
    DueUndo,
    DueWork,
    HistoryRow,
    Later,
)
from handlers.ports.rebuilding import Gap, RebuildRows, Rebuilt, Unsettled, Whole
from handlers.ports.rows import (
    BookingWrite,
    DatabaseAway,
    JournalEntry,
    KeyClaim,
    KeyHolder,
    KnownCommand,
    PromiseBroken,
    Recording,
    Start,
    StoredOutcome,
    SweepAgain,
    UndoAgain,
)
from handlers.ports.trust import Authenticator, KeysAway, ServiceSigner, SignedBy

__all__ = [
    "ANY_OFFSET",
    "Abandoned",
    "Authenticator",
    "BookingReads",
    "BookingWrite",
    "CannotOpen",
    "CommandProcessor",
    "Coordinates",
    "CountsUses",
    "DataKey",
    "DatabaseAway",
    "DueExpiry",
    "DueUndo",
    "DueWork",
    "Gap",
    "Held",
    "HistoryRow",
    "JournalEntry",
    "KeyClaim",
    "KeyHolder",
    "KeyStore",
    "KeysAway",
    "KnownCommand",
    "LaneDatabase",
    "LaneRows",
    "LaneState",
    "LaneTransaction",
    "Later",
    "Mark",
    "Output",
    "Partners",
    "PromiseBroken",
    "Publisher",
    "QueryProcessor",
    "RebuildRows",
    "Rebuilt",
    "Record",
    "Recording",
    "Resting",
    "Sealer",
    "ServiceKeys",
    "ServiceSigner",
    "SignedBy",
    "Start",
    "StoredOutcome",
    "SweepAgain",
    "Topics",
    "UndoAgain",
    "Unsettled",
    "UseCounts",
    "Uses",
    "Whole",
    "WrappedKey",
    "key_id_of",
]
