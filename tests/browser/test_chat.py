"""A conversation in a cell, held by keys alone."""

from __future__ import annotations

import json
import re
from base64 import b64decode

from playwright.sync_api import Locator, Page, expect

from .app import SECONDS, Server
from .conftest import Open

MS = SECONDS * 1000
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
CHAT = """import tokenwidgets as tw
c = tw.chat("sim/steady", tokens=4000, itl_ms=5, max_tokens=40)
c"""
REPORT = "[len(m['content']) if isinstance(m['content'], list) else m['content'] for m in c.messages if m['role'] == 'user']"


class Talk:
    """A chat as somebody without a mouse has it."""

    def __init__(self, page: Page, card: Locator) -> None:
        self.page = page
        self.card = card
        self.field = card.get_by_role("textbox", name="Message", exact=True)
        self.asked = card.locator(".tw-rows .tw-asked")
        self.answers = card.locator(".tw-rounds")

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def to(self, name: str, key: str = "Tab") -> None:
        """Go to a control by Tab, or back by Shift+Tab."""
        for _ in range(30):
            self.keys(key)
            if name == self.card.locator(":focus").evaluate("e => e.ariaLabel || e.textContent"):
                return
        raise AssertionError(f"{key} does not lead to {name}")

    def ask(self, text: str) -> None:
        """Type it and send it; returns when it is answered, with the focus where the next one is written."""
        self.page.keyboard.type(text)
        self.keys("Enter")
        self.says(re.compile(re.escape(text.split()[-1])))
        expect(self.answers.last).to_contain_text(text.split()[-1].rstrip("?."), timeout=MS)
        self.settled()

    def says(self, what: re.Pattern[str]) -> None:
        expect(self.asked.last).to_have_text(what, timeout=MS)

    def settled(self) -> None:
        expect(self.card.get_by_role("button", name="Send")).to_be_visible(timeout=MS)
        expect(self.card.locator("[data-coming]")).to_have_count(0, timeout=MS)
        expect(self.field).to_be_focused(timeout=MS)


def test_a_talk_by_keys_alone(notebook: Open, server: Server) -> None:
    book = notebook(CHAT, REPORT)
    book.run_one(1)
    talk = Talk(book.page, book.output(1).locator(".tw-chat"))
    talk.page.on("filechooser", lambda _: None)  # Playwright takes its time to begin to listen
    talk.field.focus()

    talk.page.keyboard.type("Why is")
    talk.keys("Shift+Enter")
    talk.ask("the sky blue?")
    assert talk.asked.all_inner_texts() == ["Why is\nthe sky blue?"]
    expect(talk.answers.last).to_contain_text("simulated answer")
    expect(talk.card.locator(".tw-foot").last).to_contain_text("40 tok")

    talk.keys("ArrowUp", "Control+a")
    talk.ask("Why is grass green?")
    talk.to("The question before", "Shift+Tab")
    talk.keys("Enter")
    talk.says(re.compile("sky"))
    expect(talk.card.locator(".tw-pager :focus")).to_have_count(1)

    talk.to("Message")
    talk.to("Picture")
    with talk.page.expect_file_chooser() as chooser:
        talk.keys("Enter")
    chooser.value.set_files({"name": "dot.png", "mimeType": "image/png", "buffer": PNG})
    expect(talk.card.get_by_role("img", name="dot.png")).to_be_visible(timeout=MS)
    expect(talk.field).to_be_focused()
    talk.ask("What is this?")
    expect(talk.card.locator(".tw-question").get_by_role("img", name="dot.png")).to_be_visible()

    talk.to("Options, files, code and keys", "Shift+Tab")
    talk.keys("Enter")
    talk.to("Most tokens")
    talk.keys("Control+a", "Delete")
    talk.to("Name of a file in the kernel's folder")
    talk.page.keyboard.type("talk")
    talk.to("Save")
    talk.keys("Enter")
    expect(talk.card.get_by_text("Saved as talk.chat.json.")).to_be_visible(timeout=MS)
    talk.keys("Escape")
    talk.to("Message")

    talk.page.keyboard.type("Tell me more.")
    talk.keys("Enter")
    expect(talk.answers.last).to_contain_text("simulated answer about “Tell", timeout=MS)
    talk.keys("Escape")
    talk.settled()
    expect(talk.card.locator(".tw-foot").last).to_contain_text("stopped at token")

    talk.to("Options, files, code and keys", "Shift+Tab")
    talk.keys("Enter")
    talk.to("Open")
    talk.keys("Enter")
    expect(talk.card.get_by_text("Opened talk.chat.json.")).to_be_visible(timeout=MS)
    talk.says(re.compile("What is this"))

    book.run_one(2)
    expect(book.output(2)).to_contain_text("['Why is\\nthe sky blue?', 2]")
    text = json.dumps(book.save())
    assert "What is this?" in text
    assert not [secret for secret in server.secrets() if secret in text]
    talk.page.reload()
    book.ready()
    expect(talk.asked).to_have_count(2, timeout=MS)
    expect(talk.answers.last).to_contain_text("simulated answer")
