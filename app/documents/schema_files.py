"""docs/schemas: a JSON Schema file for each message, and the promise that goes with it.

`python -m app.documents.schema_files` writes them again after a change; it refuses a change that
breaks what producers or consumers rely on. Such a change needs a message of another name, or for
events another `version`, beside the old one (docs/evolution.md).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from app.documents.evolution import broken_promises
from app.documents.shapes import Shape, shapes
from schemas.catalogue import Kind

_FOLDERS: Final = {
    Kind.COMMAND: "commands",
    Kind.QUERY: "queries",
    Kind.REPLY: "replies",
    Kind.EVENT: "events",
}
FOLDER: Final = Path(__file__).parents[2] / "docs" / "schemas"


def file_name(shape: Shape) -> str:
    """The kind of message is the folder."""
    return f"{_FOLDERS[shape.kind]}/{shape.name}.json"


def schema_files() -> Mapping[str, str]:
    """Each file's name in the folder, and its text."""
    return {
        file_name(shape): json.dumps(shape.schema, indent=2, ensure_ascii=False) + "\n"
        for shape in shapes()
        if shape.schema is not None
    }


def broken(folder: Path = FOLDER) -> Sequence[str]:
    """What the messages of now break of what is published in the folder."""
    current = {file_name(shape): shape for shape in shapes() if shape.schema is not None}
    lines: list[str] = []
    for path in sorted(folder.glob("*/*.json")):
        name = path.relative_to(folder).as_posix()
        shape = current.get(name)
        if shape is None or shape.schema is None:
            lines.append(f"{name}: is not there any more")
            continue
        published = json.loads(path.read_text("utf-8"))
        breaks = broken_promises(shape.kind, published, shape.schema)
        lines.extend(f"{name}: {each}" for each in breaks)
    return lines


def publish(folder: Path = FOLDER) -> Sequence[str]:
    """Write the files, unless that would break a promise; gives what it would break."""
    if breaks := broken(folder):
        return breaks
    for name, text in schema_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return ()


if __name__ == "__main__":
    sys.exit("\n".join(publish()) or None)
