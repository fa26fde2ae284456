"""The committed inputs: small files whose names say what is wrong with their records."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.fuzz.targets import TARGETS

CORPUS: Final = Path(__file__).parent / "corpus"


def inputs(target: str) -> dict[str, bytes]:
    """By name; those for any topic and those for this one."""
    folders = ("any", target)
    return {
        f"{folder}/{path.name}": path.read_bytes()
        for folder in folders
        for path in sorted((CORPUS / folder).iterdir())
    }


def everything() -> list[tuple[str, str, bytes]]:
    """Target, name, bytes."""
    return [(target, name, text) for target in TARGETS for name, text in inputs(target).items()]
