"""Dataclasses of values: whoever changes a field of one is refused by the type checker.

At run time nobody watches, as that is paid for with every value that is made (decision 142).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(*, frozen: bool, slots: bool) -> object:
        """As the standard library's, equal and hashed alike; `frozen` alone is mypy's affair."""
        return dataclasses.dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["dataclass"]
