r"""A hostile record, made from a few lines of text: what the corpus holds and what fuzzers change.

Each line is one byte, which says what to do, and what to do it with; `\xNN` stands for that byte.
It begins with a valid message of a known client. Whatever the lines are, a record comes out.

| line | does |
|---|---|
| `M` type | takes the valid message of that type |
| `F` name=JSON, `f` name=JSON | sets a field of `data`; adds it once more |
| `E` name=JSON, `e` name=JSON | the same for the message around it |
| `D` JSON | puts that in place of `data` |
| `V` bytes | puts that in place of the whole value |
| `+` bytes, `*` count bytes | appends to the value, once or so many times |
| `#` count bytes | the same, and each `#` in the bytes counts |
| `P` place bytes | writes over the value from there on |
| `0` | takes the value away: a tombstone |
| `H` name=bytes, `N` count name=bytes | adds a header, or so many; `#` in its name counts |
| `B` count name=bytes | adds a header with those bytes so many times in its value |
| `0` name, `X` name | adds a header that is null; takes a header away |
| `K` bytes, `k` count bytes | sets the key; to so many of them |
| `A` bytes | puts that in place of the header authorization |
| `J` JSON TAB JSON | puts a token there, of this header and these claims, signed by its issuer |
| `S` | signs the record as the service does; later lines tamper with it |
| `@` partition | sends it there |
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import digest
from typing import Final

from handlers.ports import Record
from tests.fuzz.draft import MOST_BYTES, MOST_COUNTED, Client, Draft


def craft(text: bytes, client: Client, most_bytes: int = MOST_BYTES) -> Record:
    """The record that these lines make, at offset 0. Never raises."""
    draft = Draft(client, most_bytes)
    draft.take(next(iter(client.messages)))
    draft.headers.append(("authorization", client.authorization))
    for line in text.split(b"\n"):
        if step := _STEPS.get(line[:1]):
            step(draft, _unescaped(line[1:].removesuffix(b"\r")))
    return draft.record()


def _message(draft: Draft, told: bytes) -> None:
    name = told.decode(errors="replace")
    if name in draft.client.messages:
        draft.take(name)


def _field(draft: Draft, told: bytes, *, again: bool = False) -> None:
    if draft.fields is not None:
        _set(draft.fields, told, again=again)


def _member(draft: Draft, told: bytes, *, again: bool = False) -> None:
    _set(draft.message, told, again=again)


def _set(among: dict[str, list[bytes]], told: bytes, *, again: bool) -> None:
    name, _, value = told.partition(b"=")
    known = among.setdefault(name.decode("latin-1"), [])
    if not again:
        known.clear()
    known.append(value)


def _data(draft: Draft, told: bytes) -> None:
    draft.fields = None
    draft.message["data"] = [told]


def _value(draft: Draft, told: bytes) -> None:
    draft.raw()[:] = told


def _append(draft: Draft, told: bytes) -> None:
    draft.raw().extend(told)


def _append_many(draft: Draft, told: bytes) -> None:
    count, text = _counted(told)
    draft.raw().extend(text * draft.room(count, len(text)))


def _append_counted(draft: Draft, told: bytes) -> None:
    count, text = _counted(told)
    count = min(draft.room(count, len(text) + 4), MOST_COUNTED)
    draft.raw().extend(b"".join(text.replace(b"#", b"%x" % n) for n in range(count)))


def _overwrite(draft: Draft, told: bytes) -> None:
    place, text = _counted(told)
    value = draft.raw()
    value[min(place, len(value)) : place + len(text)] = text


def _nothing(draft: Draft, told: bytes) -> None:
    if told:
        draft.headers.append((_name(told), None))
    else:
        draft.value = None


def _header(draft: Draft, told: bytes) -> None:
    name, _, value = told.partition(b"=")
    draft.headers.append((_name(name), value))


def _many_headers(draft: Draft, told: bytes) -> None:
    count, text = _counted(told)
    name, _, value = text.partition(b"=")
    count = min(draft.room(count, len(text)), MOST_COUNTED)
    draft.headers += [(_name(name).replace("#", str(n)), value) for n in range(count)]


def _big_header(draft: Draft, told: bytes) -> None:
    count, text = _counted(told)
    name, _, value = text.partition(b"=")
    draft.headers.append((_name(name), value * draft.room(count, len(value))))


def _without_header(draft: Draft, told: bytes) -> None:
    draft.headers = [each for each in draft.headers if each[0] != _name(told)]


def _key(draft: Draft, told: bytes) -> None:
    draft.key = told


def _big_key(draft: Draft, told: bytes) -> None:
    count, text = _counted(told)
    draft.key = text * draft.room(count, len(text))


def _authorization(draft: Draft, told: bytes) -> None:
    _without_header(draft, b"authorization")
    draft.headers.insert(0, ("authorization", told))


def _token(draft: Draft, told: bytes) -> None:
    header, _, claims = told.partition(b"\t")
    signed = _base64(header) + b"." + _base64(claims)
    signature = digest(draft.client.secret.encode(), signed, "sha256")
    _authorization(draft, b"Bearer " + signed + b"." + _base64(signature))


def _sign(draft: Draft, _told: bytes) -> None:
    draft.headers = list(draft.client.sign(draft.record()))


def _partition(draft: Draft, told: bytes) -> None:
    draft.partition = _counted(told)[0] % 2


_STEPS: Final[Mapping[bytes, Callable[[Draft, bytes], None]]] = {
    b"M": _message,
    b"F": _field,
    b"f": lambda draft, told: _field(draft, told, again=True),
    b"E": _member,
    b"e": lambda draft, told: _member(draft, told, again=True),
    b"D": _data,
    b"V": _value,
    b"+": _append,
    b"*": _append_many,
    b"#": _append_counted,
    b"P": _overwrite,
    b"0": _nothing,
    b"H": _header,
    b"N": _many_headers,
    b"B": _big_header,
    b"X": _without_header,
    b"K": _key,
    b"k": _big_key,
    b"A": _authorization,
    b"J": _token,
    b"S": _sign,
    b"@": _partition,
}
VERBS: Final = b"".join(_STEPS)
_BYTE: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")
_COUNT: Final = re.compile(rb"\s*([0-9]{1,9}) ?(.*)", re.DOTALL)


def _unescaped(text: bytes) -> bytes:
    return _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text)


def _counted(told: bytes) -> tuple[int, bytes]:
    found = _COUNT.fullmatch(told)
    return (int(found[1]), found[2]) if found else (1, told)


def _name(told: bytes) -> str:
    """As adapters/kafka/records reads it."""
    return told.decode("utf-8", "surrogateescape")


def _base64(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def short_name(text: bytes) -> str:
    """For the file of a new crasher."""
    return sha256(text).hexdigest()[:12]
