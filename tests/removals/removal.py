"""A guard, where it stands, and who has to notice that it is gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Edit:
    """`old` stands exactly once in the file; without the guard it reads `new`."""

    file: str
    old: str
    new: str

    def is_found_in(self, root: Path) -> bool:
        return (root / self.file).read_text().count(self.old) == 1

    def apply_to(self, root: Path) -> None:
        """Raises ValueError when the file has changed meanwhile."""
        if not self.is_found_in(root):
            raise ValueError(f"expected exactly once in {self.file}: {self.old}")
        path = root / self.file
        path.write_text(path.read_text().replace(self.old, self.new))


@dataclass(frozen=True, slots=True)
class Removal:
    """Guards are named as docs/reliability.md names them."""

    name: str
    edits: tuple[Edit, ...]
    noticed_by: tuple[str, ...]  # names of tests, as pytest takes them; one red test is enough
    says: str  # a pattern: what goes wrong then, so that no accident passes for being noticed
