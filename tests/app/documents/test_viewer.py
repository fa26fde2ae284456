"""The HTML works from its folder alone, in a browser that reaches nobody."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.kafka.settings import KafkaSettings
from app.cli.application import application
from app.documents import viewer_page
from app.documents.asyncapi import document
from app.documents.shapes import shapes
from app.documents.viewer_page import ViewerMissing, write_page
from tests.tools import brought, tool

SETTINGS = KafkaSettings("localhost:9092")
# Expands everything, then leaves what was seen in the page itself, which --dump-dom prints.
_LOOKS = """<script>
const seen = {errors: [], messages: {}};
const complain = console.error;
console.error = (...words) => { seen.errors.push(words.join(" ")); complain(...words); };
addEventListener("error", event => seen.errors.push(event.message));
addEventListener("securitypolicyviolation", event => seen.errors.push(event.blockedURI));
function look() {
  const messages = [...document.querySelectorAll('#messages [id^="message-"][id$="-payload"]')];
  const closed = messages.flatMap(each => [...each.querySelectorAll("button")])
    .filter(button => button.textContent === "Expand all");
  closed.forEach(button => button.click());
  const drawn = document.getElementById("introduction");
  const loads = [...document.images].some(image => !image.complete);
  if (closed.length > 0 || !drawn || loads) { setTimeout(look, 50); return; }
  setTimeout(keep, 50);  // what is reported of images comes with the next turn
}
function keep() {
  const messages = document.querySelectorAll('#messages [id^="message-"][id$="-payload"]');
  for (const each of messages) seen.messages[each.id] = each.textContent;
  seen.headings = [...document.querySelectorAll("h2")].map(h => h.textContent);
  const kept = document.createElement("pre");
  kept.id = "seen";
  kept.textContent = JSON.stringify(seen);
  document.body.append(kept);
}
setTimeout(look, 50);
</script>"""
_CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=60000", "--dump-dom"),
)


def look_at(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What a browser without a network makes of the page."""
    brought("app/documents/viewer/viewer.js")
    write_page(document, folder / "page")
    index = folder / "page" / "index.html"
    page = index.read_text("utf-8")
    index.write_text(page.replace('<script src="viewer.js">', _LOOKS + '<script src="viewer.js">'))
    run = subprocess.run(
        [tool("chromium"), *_CHROMIUM, f"--user-data-dir={folder / 'profile'}", index.as_uri()],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    kept = re.search(r'<pre id="seen">(.*?)</pre>', run.stdout, re.DOTALL)
    assert kept is not None, run.stderr[-2000:]
    looked: dict[str, Any] = json.loads(unescape(kept[1]))
    return looked


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return look_at(document(SETTINGS), tmp_path_factory.mktemp("whole"))


def test_nothing_goes_wrong_and_nobody_else_is_asked(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []


def test_whoever_would_be_asked_is_not(tmp_path: Path) -> None:
    """The page itself forbids it, and so the test above would see it."""
    told = document(SETTINGS)
    told["info"]["description"] = "![elsewhere](https://elsewhere.example/picture.png)"
    told |= {"channels": {}, "operations": {}, "components": {}, "servers": {}}
    assert "https://elsewhere.example/picture.png" in look_at(told, tmp_path)["errors"]


def test_every_message_expands_to_its_fields(seen: dict[str, Any]) -> None:
    for shape in shapes():
        text = seen["messages"][f"message-{shape.name}-payload"]
        for name in (shape.schema or {"properties": {}})["properties"]:
            assert name in text, (shape.name, name)


def test_the_viewer_finds_the_document_valid(seen: dict[str, Any]) -> None:
    assert "Operations" in seen["headings"]
    assert not [each for each in seen["headings"] if "rror" in each and each != "Errors"]


def test_the_command_writes_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brought("app/documents/viewer/viewer.js")
    monkeypatch.setenv("BOOKING_AUTH__SECRET", "a secret of thirty-two characters or more")
    folder = tmp_path / "public" / "messages"
    run = CliRunner().invoke(application, ["docs", "--format", "html", "--output", str(folder)])
    assert run.exit_code == 0, run.output
    assert run.stdout == f"open {folder / 'index.html'}\n"
    assert {path.name for path in folder.iterdir()} == {
        "index.html",
        "viewer.css",
        "viewer.js",
        "viewer.js.LICENSE.txt",
    }


def test_a_viewer_that_was_not_fetched_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer_page, "_VIEWER", tmp_path / "none")
    with pytest.raises(ViewerMissing, match="make viewer"):
        write_page(document(SETTINGS), tmp_path / "page")


def test_the_document_cannot_end_its_own_element(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "viewer.js").write_text("")
    monkeypatch.setattr(viewer_page, "_VIEWER", tmp_path)
    told = {"info": {"title": "a <b> title", "description": "</script><script>alert(1)"}}
    write_page(told, tmp_path / "page")
    page = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert "</script><script>alert" not in page
    embedded = re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)
    assert embedded is not None
    assert json.loads(embedded[1]) == told
    assert "<title>a &lt;b&gt; title</title>" in page
