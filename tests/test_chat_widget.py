"""A chat from the kernel's side: what its page asks for, and what it is told."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import traitlets
from chat_server import BOUND, Scripted

import tokenwidgets as tw
from tokenwidgets.images import IMAGE_BYTES
from tokenwidgets.uploads import PICTURES, UPLOADS, Uploads
from tokenwidgets.widgets.chat import FILES, MODELS_AT_ONCE, ChatWidget

pytestmark = pytest.mark.usefixtures("in_process")

FAST = {"show": False, "ttft_ms": 1, "itl_ms": 1, "tokens": 12}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 60


class Page(ChatWidget):
    """The widget with a page that reads all it is told."""

    def __init__(self, chat: tw.Chat) -> None:
        self.news = threading.Condition()
        self.heard: list[dict[str, Any]] = []
        self.asked = 0
        super().__init__(chat)

    def send(self, content: Any, buffers: Any = None) -> None:
        with self.news:
            self.heard.append(content)
            self.news.notify_all()

    def until(self, what: Any) -> None:
        with self.news:
            assert self.news.wait_for(what, BOUND), self.heard[-3:]

    def says(self, op: str, **fields: Any) -> dict[str, Any]:
        """A question of the page, and its answer."""
        self.asked += 1
        ref = f"{op} {self.asked}"
        self.messages._received(self, {"op": op, **fields, "ask": ref}, [])
        self.until(lambda: any(m.get("answer") == ref for m in self.heard))
        return next(m for m in self.heard if m.get("answer") == ref)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [message for message in self.heard if message.get("op") == "chat"]

    def settled(self) -> dict[str, Any]:
        """The news once no answer comes any more."""
        for turn in self.chat.turns:
            turn.wait(BOUND)
        keys = [turn.key for turn in self.chat.turns]
        self.until(lambda: self.told and [turn["key"] for turn in self.told[-1]["turns"] if turn["done"]] == keys)
        return self.told[-1]

    def read(self) -> list[dict[str, Any]]:
        """The whole conversation, as a page that was reloaded has it."""
        return list(self.says("read")["nodes"])

    def path(self) -> list[str]:
        return [str(m["content"]) for m in self.chat.messages]


def page(**options: Any) -> Page:
    return Page(tw.chat("sim/steady", **{**FAST, **options}))


def refusal(answer: dict[str, Any]) -> str:
    return str(answer["error"]["message"])


# ---- asking


def test_a_question_of_the_page_is_asked_and_told():
    chat = page()
    assert "error" not in chat.says("say", text="Why?")
    chat.settled()
    question, answer = chat.read()
    assert (question["text"], question["role"], answer["model"], answer["finish_reason"]) == ("Why?", "user", "sim/steady", "stop")
    assert answer["text"] == chat.chat.messages[1]["content"] != ""
    assert answer["figures"].endswith("12 tok · simulated") or " s · simulated" in answer["figures"]
    assert (chat.turns, chat.busy, chat.model) == (1, False, "sim/steady")


def test_the_page_is_told_of_the_stream_while_it_runs_and_reads_it_by_itself():
    chat = page(itl_ms=50, tokens=10_000)
    chat.says("say", text="Why?")
    chat.until(lambda: any(turn["runs"][0]["stream"] for news in chat.told for turn in news["turns"]))
    assert chat.busy
    chat.until(lambda: any("events" in message for message in chat.heard))
    chat.says("stop")
    chat.settled()
    assert chat.read()[1]["finish_reason"] == "cancelled"
    assert not chat.busy


def test_what_code_asks_is_told_too():
    chat = page()
    chat.chat("From code?").wait(BOUND)
    chat.settled()
    assert chat.read()[0]["text"] == "From code?"
    assert chat.turns == 1


def test_while_an_answer_comes_no_other_is_asked_for():
    chat = page(itl_ms=50, tokens=10_000)
    chat.says("say", text="Why?")
    for op, fields in {"say": {"text": "x"}, "edit": {"node": 0, "text": "x"}, "again": {"node": 0}, "open": {"name": "x"}}.items():
        assert "stop it" in refusal(chat.says(op, **fields))
    chat.says("stop")
    chat.settled()
    assert len(chat.read()) == 2


@pytest.mark.parametrize(
    ("op", "fields", "words"),
    [
        ("say", {"text": "  "}, "write one"),
        ("say", {"text": 7}, "write one"),
        ("edit", {"node": 99, "text": "x"}, "There is no message 99."),
        ("edit", {"node": "0", "text": "x"}, "number of a message"),
        ("edit", {"node": 1, "text": "x"}, "not the user's"),
        ("again", {"node": 1}, "Only a question"),
        ("switch", {"node": -1}, "There is no message -1."),
        ("set", {"system": 1, "options": {}}, "is a text"),
        ("code", {"language": "cobol"}, "not 'cobol'"),
        ("say", {"text": "x", "pictures": [{"id": "gone"}]}, "add it again"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(op: str, fields: dict[str, Any], words: str):
    chat = page()
    chat.says("say", text="Why?")
    chat.settled()
    before = chat.path()
    assert words in refusal(chat.says(op, **fields))
    assert chat.path() == before


# ---- branches


def test_an_edited_question_is_a_branch_and_the_other_is_a_switch_away():
    chat = page()
    chat.says("say", text="One?")
    chat.settled()
    chat.says("edit", node=0, text="Two?")
    chat.settled()
    assert chat.path()[0] == "Two?"
    chat.says("switch", node=0)
    assert chat.path()[0] == "One?"
    chat.until(lambda: chat.told[-1]["leaf"] == 1)


def test_an_answer_again_is_a_sibling():
    chat = page()
    chat.says("say", text="One?")
    chat.settled()
    chat.says("again", node=0, model="sim/bursty")
    chat.settled()
    assert [node.model for node in chat.chat.conversation.siblings(1)] == ["sim/steady", "sim/bursty"]
    assert chat.chat.model == "sim/steady"


def test_several_models_answer_one_question_and_the_talk_goes_on_from_the_first():
    chat = page()
    chat.models = ["sim/bursty", "sim/steady"]
    chat.says("say", text="One?")
    assert [turn["to"] for turn in chat.settled()["turns"]] == [0, 0]
    answers = {node.model: node.id for node in chat.chat.conversation.children(0)}
    assert set(answers) == {"sim/bursty", "sim/steady"}
    assert chat.chat.conversation.leaf == answers["sim/bursty"]
    chat.says("switch", node=answers["sim/steady"])
    chat.says("say", text="Two?")
    chat.settled()
    assert [node.model for node in chat.chat.conversation.path()[:2]] == [None, "sim/steady"]


def test_several_models_use_tools_each_in_a_branch_of_its_own():
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        if city == "nowhere":
            raise ValueError("no such city")
        return f"12 °C in {city}"

    chat = page(tools=[get_weather])
    chat.models = ["sim/tool-caller", "sim/steady"]
    chat.says("say", text="Warm?")
    chat.settled()
    calling = chat.chat.conversation.path()
    assert [node.role for node in calling] == ["user", "assistant", "tool", "assistant"]
    (result,) = [node for node in chat.read() if node["role"] == "tool"]
    assert result["call"] == calling[1].calls[0]
    assert result["seconds"] >= 0
    assert chat.told[-1]["tools"] == ["get_weather"]


def test_a_failing_tool_and_a_failing_model_say_so():
    def broken(city: str) -> str:
        """Fails."""
        raise ValueError("no such city")

    chat = page(tools=[broken])
    chat.models = ["sim/tool-caller"]
    chat.says("say", text="Warm?")
    chat.settled()
    assert [node["error"] for node in chat.read() if node["role"] == "tool"] == ["ValueError: no such city"]
    chat.models = ["sim/stedy"]
    chat.says("say", text="Warm?")
    chat.settled()
    last = chat.read()[-1]
    assert "There is no simulated model" in last["error"]
    assert last["model"] == "sim/stedy"


def test_a_question_is_deleted_and_brought_back():
    chat = page()
    for text in ("One?", "Two?"):
        chat.says("say", text=text)
        chat.settled()
    before = chat.path()
    leaf = chat.says("delete", node=2)["leaf"]
    assert chat.path() == before[:2]
    chat.says("switch", node=leaf, last=True)
    assert chat.path() == before


# ---- pictures


def test_a_picture_comes_in_pieces_and_goes_to_the_model():
    with Scripted(["A cat."]).running() as server:
        server.configure()
        chat = Page(tw.chat("scripted/m", show=False))
        for piece in (PNG[:20], PNG[20:]):
            assert "error" not in chat.says("picture", id="a", data=base64.b64encode(piece).decode())
        preview = "data:image/webp;base64,AAAA"
        chat.says("say", text="What is it?", pictures=[{"id": "a", "name": "cat.png", "preview": preview}])
        chat.settled()
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    content = server.calls[0][2]["messages"][0]["content"]
    assert content == [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]
    assert chat.read()[0]["pictures"] == [{"name": "cat.png", "preview": preview, "note": "PNG, 1 KiB"}]


def test_an_edited_question_keeps_its_picture():
    chat = page()
    chat.says("picture", id="a", data=base64.b64encode(PNG).decode())
    chat.says("say", text="One?", pictures=[{"id": "a", "name": "cat.png", "preview": ""}])
    chat.settled()
    chat.says("edit", node=0, text="Two?")
    chat.settled()
    first, second = (chat.chat.conversation.nodes[i].message["content"] for i in (0, 2))
    assert (first[0], second[1]["text"]) == (second[0], "Two?")


def test_a_picture_that_cannot_be_taken_is_refused():
    uploads = Uploads()
    big = base64.b64encode(b"\0" * (IMAGE_BYTES + 1)).decode()
    with pytest.raises(tw.Refused, match="make it smaller"):
        uploads.take("a", big)
    with pytest.raises(tw.Refused, match="did not arrive whole"):
        uploads.take("b", "no base64 ß")
    uploads.take("c", base64.b64encode(b"plain text").decode())
    with pytest.raises(tw.Refused, match="not PNG, JPEG, GIF or WebP"):
        uploads.parts([{"id": "c"}])
    with pytest.raises(tw.Refused, match=f"at most {PICTURES} pictures"):
        uploads.parts([{"id": "c"}] * (PICTURES + 1))


def test_pictures_that_are_never_asked_with_are_given_up():
    uploads = Uploads()
    for n in range(UPLOADS + 1):
        uploads.take(f"p{n}", base64.b64encode(PNG).decode())
    with pytest.raises(tw.Refused, match="add it again"):
        uploads.parts([{"id": "p0"}])
    assert uploads.parts([{"id": f"p{UPLOADS}"}])


def test_no_preview_is_anything_but_a_small_picture():
    uploads = Uploads()
    for name, preview in {
        "a": "javascript:alert(1)",
        "b": "data:image/svg+xml;base64,AAAA",
        "c": "data:image/png;base64," + "A" * 70_000,
    }.items():
        uploads.take(name, base64.b64encode(PNG + name.encode()).decode())
        (part,) = uploads.parts([{"id": name, "name": name, "preview": preview}])
        assert uploads.shown(part["image_url"]["url"]).url in ("", part["image_url"]["url"])


def test_a_picture_on_the_net_is_named_and_not_loaded():
    chat = page()
    chat.chat("What?", images=["https://example.org/cat.png"]).wait(BOUND)
    chat.settled()
    assert chat.read()[0]["pictures"] == [{"name": "https://example.org/cat.png", "preview": "", "note": "a picture on the net"}]


# ---- files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "kernel").mkdir()
    monkeypatch.chdir(tmp_path / "kernel")
    return tmp_path / "kernel"


def test_a_talk_is_saved_and_opened(folder: Path):
    chat = page()
    chat.says("say", text="One?")
    chat.settled()
    assert chat.says("save", name="talk")["name"] == "talk.chat.json"
    assert chat.says("files")["files"] == ["talk.chat.json"]
    talk = chat.told[-1]["talk"]
    chat.says("say", text="Two?")
    chat.settled()
    assert chat.says("save", name="talk")["exists"] is True
    chat.says("open", name="talk")
    chat.until(lambda: chat.told[-1]["talk"] != talk)
    assert chat.path()[:1] == ["One?"]
    assert len(chat.read()) == 2
    assert "exists" not in chat.says("save", name="talk", replace=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "no such file"),
        ("../talk", "without folders"),
        ("/etc/passwd", "without folders"),
        ("..\\talk", "without folders"),
        ("", "a plain name"),
        ("other.txt", "it is not JSON"),
    ],
)
def test_a_file_that_cannot_be_opened_says_why(folder: Path, name: str, words: str):
    (folder / "other.txt").write_text("not a talk")
    chat = page()
    assert words in refusal(chat.says("open", name=name))


def test_the_files_that_are_offered_are_bounded(folder: Path):
    for n in range(FILES + 1):
        (folder / f"{n}.chat.json").write_text("{}")
    assert len(page().says("files")["files"]) == FILES


# ---- options, code, models


def test_instructions_and_options_go_with_the_next_question():
    with Scripted(["Yes."]).running() as server:
        server.configure()
        chat = Page(tw.chat("scripted/m", show=False))
        chat.says("set", system="Be brief.", options={"temperature": 0.5, "max_tokens": None, "api_key": "x"})
        chat.says("say", text="Why?")
        chat.settled()
    body = server.calls[0][2]
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["temperature"] == 0.5
    assert "api_key" not in body
    assert chat.told[-1]["options"] == {"temperature": 0.5}


def test_the_code_asks_the_same():
    chat = page(seed=3)
    chat.says("set", system="Be brief.", options={})
    chat.says("say", text="It's?")
    chat.settled()
    program = chat.says("code", language="tokenwidgets")["code"]
    space: dict[str, Any] = {}
    exec(program, space)
    space["c"].last.wait(BOUND)
    assert space["c"].messages == chat.chat.messages
    assert "answers inside tokenwidgets" in refusal(chat.says("code", language="python"))


def test_the_models_are_those_of_the_hosts():
    models = {model["id"]: model["note"] for model in page().says("models")["models"]}
    assert "simulated" in models["sim/steady"]


def test_no_more_than_four_models_at_once():
    with pytest.raises(traitlets.TraitError):
        page().models = ["sim/steady"] * (MODELS_AT_ONCE + 1)


def test_the_model_follows_code_and_page():
    chat = page()
    chat.chat.model = "sim/bursty"
    assert (chat.model, chat.models) == ("sim/bursty", ["sim/bursty"])
    chat.models = ["sim/reasoner", "sim/steady"]
    assert (chat.model, chat.chat.model) == ("sim/reasoner", "sim/reasoner")
    chat.model = "sim/flaky"
    assert chat.models == ["sim/flaky"]


# ---- what stays


def test_no_trait_holds_what_was_said():
    chat = page()
    chat.says("set", system="The system's words", options={})
    chat.says("say", text="The user's words")
    chat.settled()
    state = json.dumps({k: v for k, v in chat.get_state().items() if k not in ("_esm", "_css")}, default=str)
    assert not [words for words in ("user's words", "system's words", "simulated answer") if words in state]


def test_the_static_form_shows_the_talk_and_no_markup_of_anybody():
    chat = page(tools=[])
    chat.says("say", text="<script>alert(1)</script> *why*?")
    chat.settled()
    bundle = chat.static()
    assert "<script" not in bundle["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; *why*?" in bundle["text/html"]
    assert "<script" not in bundle["text/markdown"]
    assert bundle["text/plain"].startswith("You: <script>alert(1)</script> *why*?\n\nsim/steady: ")
    assert "sim/steady" in bundle["text/html"]
    assert "empty" in page().static()["text/plain"].lower()


def test_a_long_talk_is_told_in_batches_and_read_on():
    chat = page()
    for n in range(12):
        chat.chat.conversation.ask(f"{n} " + "x" * 60_000)
    first = chat.says("read")
    assert 0 < len(first["nodes"]) < first["count"] == 12
    seen = [node["id"] for node in first["nodes"]]
    while len(seen) < 12:
        seen += [node["id"] for node in chat.says("read", talk=first["talk"], **{"from": len(seen)})["nodes"]]
    assert seen == list(range(12))


def test_a_disposed_widget_hears_of_nothing_more():
    chat = page()
    chat.until(lambda: chat.told)
    chat.dispose()
    before = len(chat.heard)
    chat.chat("Why?").wait(BOUND)
    assert len(chat.heard) == before


def test_in_a_terminal_it_prints(capsys: pytest.CaptureFixture[str]):
    chat = tw.chat("sim/steady", **FAST)
    chat("Why?").wait(BOUND)
    chat._ipython_display_()
    chat.show()
    out = capsys.readouterr().out
    assert out.startswith("<chat with sim/steady: 2 messages>\nuser: Why?")


def test_an_exported_talk_holds_what_was_said_and_no_key(tmp_path: Path):
    key = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
    chat = page()
    chat.says("say", text=f"Why {key}?")
    chat.settled()
    text = chat.to_html(tmp_path / "talk.html").read_text()
    assert "simulated answer" in text
    assert key not in text
