"""OpenAI's realtime protocol over the events of a session: what each becomes, with no server."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, Error, Event, Notice, Speech, Text, Tool, Transcript, Usage, encode
from tokenwidgets.facades.realtime import Conversation
from tokenwidgets.facades.realtime_items import ITEMS
from tokenwidgets.facades.realtime_secrets import KEYS, ClientSecrets, life
from tokenwidgets.facades.realtime_session import Session
from tokenwidgets.realtime.inputs import SOUND_BYTES, Clear, Commit, Input, Interrupt, Respond, Say, Sound, ToolResult, Update
from tokenwidgets.realtime.tracks import Change

EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

SECOND = base64.b64encode(bytes(48_000)).decode()


class Client:
    """A client of a session that a test plays."""

    def __init__(self, **more: Any) -> None:
        self.taken: list[Input] = []
        self.full = False
        self.conversation = Conversation("s1", "sim/voice", Session(), self._take, **more)
        self._seq = 0

    def _take(self, given: Input) -> None:
        if self.full:
            raise Refused("limit", "Too much.")
        self.taken.append(given)

    def send(self, type: str, **fields: Any) -> list[dict[str, Any]]:
        return checked(self.conversation.receive(json.dumps({"type": type, **fields})))

    def happen(self, *events: Event, at: int = 0) -> list[dict[str, Any]]:
        out = []
        for event in events:
            self._seq += 1
            out += checked(self.conversation.encode(encode(event, self._seq, at)))
        return out


def checked(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events that OpenAI's types know as what they are."""
    for frame in frames:
        assert EVENT.validate_python(frame).type == frame["type"]
    return frames


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


def message(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": list(parts)}


COMPLETED = Notice("turn", {"status": "completed"})


def test_what_a_client_asks_becomes_inputs() -> None:
    client = Client()
    client.send("input_audio_buffer.append", audio=SECOND)
    client.send("input_audio_buffer.commit")
    client.send("input_audio_buffer.clear")
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    client.send("conversation.item.create", item=message({"type": "input_text", "text": "Look."}, picture))
    client.send("conversation.item.create", item={"type": "function_call_output", "call_id": "call_1", "output": "rain"})
    client.send("response.create", response={"instructions": "Be brief.", "output_modalities": ["text"]})
    client.send("response.cancel")
    assert client.taken == [
        Sound(bytes(48_000)), Commit(), Clear(), Say("Look.", ("data:image/png;base64,AA==",), respond=False),
        ToolResult("call_1", "rain", respond=False), Respond("Be brief.", "text"), Interrupt(),
    ]  # fmt: skip


def test_a_long_piece_of_sound_is_taken_in_parts() -> None:
    client = Client()
    assert client.send("input_audio_buffer.append", audio=base64.b64encode(bytes(2 * SOUND_BYTES + 2)).decode()) == []
    assert [len(given.pcm) for given in client.taken if isinstance(given, Sound)] == [SOUND_BYTES, SOUND_BYTES, 2]


def test_a_session_is_changed_by_what_differs() -> None:
    client = Client()
    vad = {"type": "server_vad", "silence_duration_ms": 400, "create_response": False, "interrupt_response": False, "threshold": 0.7}
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
    audio = {"input": {"turn_detection": vad, "transcription": {"model": "whisper-1"}}, "output": {"voice": "en"}}
    (told,) = client.send("session.update", session={"type": "realtime", "instructions": "Be kind.", "audio": audio, "tools": [tool]})
    settings = {"voice": "en", "silence_ms": 400, "interrupt": False, "respond": False}
    ours = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    assert client.taken == [Update(settings, "Be kind.", (ours,))]
    held = {"type": "server_vad", "silence_duration_ms": 400, "create_response": False, "interrupt_response": False}
    assert told["session"]["audio"]["input"]["turn_detection"] == held, "what the host decides by itself is not said to hold"
    client.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
    assert client.taken[1] == Update({"output": "text"})


def test_a_change_that_the_host_refuses_is_an_error_and_does_not_hold() -> None:
    client = Client()
    client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "nobody"}}})
    (error,) = client.happen(Notice("session", {"refused": "There is no voice 'nobody' here."}))
    assert error["error"]["message"] == "There is no voice 'nobody' here."
    (told,) = client.send("session.update", session={"type": "realtime"})
    assert "voice" not in told["session"]["audio"]["output"]


@pytest.mark.parametrize("own", [True, False])
def test_openai_s_voices_are_the_host_s_where_it_has_them(own: bool) -> None:
    client = Client(own_voices=own)
    client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "marin"}}})
    assert client.taken == [Update({"voice": "marin"} if own else {})]


def test_speech_is_placed_in_the_sound_that_came() -> None:
    client = Client()
    client.send("input_audio_buffer.append", audio=SECOND)
    (started,) = client.happen(Speech("started", 5_200_000), at=5_300_000)
    client.send("input_audio_buffer.append", audio=SECOND)
    stopped, committed, added, done = client.happen(Speech("stopped", 6_000_000), at=6_300_000)
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (900, 1700)
    assert {started["item_id"], stopped["item_id"], committed["item_id"], added["item"]["id"], done["item"]["id"]} == {started["item_id"]}
    out = client.happen(Transcript(1, "user", "Hel"), Transcript(1, "user", "lo.", final=True))
    assert kinds(out) == [f"conversation.item.input_audio_transcription.{k}" for k in ("delta", "delta", "completed")]
    assert (out[-1]["transcript"], out[-1]["usage"]) == ("Hello.", {"type": "duration", "seconds": 0.8})


def test_words_that_come_late_belong_to_their_own_turn() -> None:
    client = Client()
    items = []
    for _ in range(2):
        client.send("input_audio_buffer.append", audio=SECOND)
        items += [frame["item_id"] for frame in client.send("input_audio_buffer.commit") if "item_id" in frame]
    words = client.happen(Transcript(1, "user", "one", final=True), Transcript(4, "user", "two", final=True))
    assert [w["item_id"] for w in words if w["type"].endswith("completed")] == items


def test_what_a_client_wrote_is_not_told_back_as_heard() -> None:
    assert Client().happen(Transcript(0, "user", "Hello.", final=True), Audio(0, SECOND, rate=24_000, role="user")) == []


def test_items_of_an_answer_may_overlap() -> None:
    client = Client()
    out = client.happen(
        Text(1, "Let me "), Tool(2, "call_1", "weather"), Text(1, "look."), Tool(2, delta="{}"), Tool(2, done=True, arguments={}),
        Usage(input=3, cache_read=2, audio_in=4, output=5, audio_out=6), COMPLETED,
    )  # fmt: skip
    call, text = (
        next(i for i, k in enumerate(kinds(out)) if k == f"response.{name}.done") for name in ("function_call_arguments", "output_text")
    )
    assert call < text
    done = out[-1]["response"]
    assert [item["type"] for item in done["output"]] == ["message", "function_call"]
    assert done["output"][0]["content"] == [{"type": "output_text", "text": "Let me look."}]
    assert (done["output"][1]["call_id"], done["output"][1]["arguments"]) == ("call_1", "{}")
    usage = done["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (9, 11, 20)
    assert (usage["input_token_details"]["cached_tokens"], usage["input_token_details"]["audio_tokens"]) == (2, 4)


@pytest.mark.parametrize(("asks", "reason"), [(True, "client_cancelled"), (False, "turn_detected")])
def test_an_answer_that_is_cut_off(asks: bool, reason: str) -> None:
    client = Client()
    client.happen(Transcript(1, "assistant", "I was"), Tool(2, "call_1", "weather", delta='{"ci'))
    if asks:
        client.send("response.cancel")
    out = client.happen(Speech("interrupted"), Notice("turn", {"status": "cancelled"}))
    response = out[-1]["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", reason)
    assert [item["status"] for item in response["output"]] == ["incomplete", "incomplete"]
    assert "response.function_call_arguments.done" not in kinds(out), "a call that broke off is not to be carried out"


def test_a_turn_that_fails_before_it_says_anything() -> None:
    out = Client().happen(Notice("turn", {"status": "failed", "message": "The model is gone."}))
    assert kinds(out) == ["response.created", "response.done"]
    assert out[1]["response"]["status_details"]["error"]["message"] == "The model is gone."


def test_a_session_that_fails_says_so() -> None:
    (error,) = Client().happen(Error("connection", "The host hung up."))
    assert (error["error"]["type"], error["error"]["message"]) == ("server_error", "The host hung up.")


def test_an_input_that_finds_no_room_is_refused_and_nothing_is_entered() -> None:
    client = Client()
    client.full = True
    (error,) = client.send("conversation.item.create", item={**message({"type": "input_text", "text": "x"}), "id": "mine"}, event_id="e7")
    assert (error["error"]["code"], error["error"]["event_id"]) == ("limit", "e7")
    assert client.send("conversation.item.retrieve", item_id="mine")[0]["error"]["code"] == "not_found"


def test_sound_on_a_track_is_told_by_its_changes() -> None:
    client = Client(sound=False)
    (said,) = [
        f for f in client.happen(Transcript(1, "assistant", "Hello."), Audio(1, SECOND, rate=24_000)) if "output_item.added" in f["type"]
    ]
    out = checked(client.conversation.buffer(Change("cleared", 1, 300)))
    assert kinds(out) == ["output_audio_buffer.cleared", "conversation.item.truncated"]
    assert (out[1]["item_id"], out[1]["audio_end_ms"]) == (said["item"]["id"], 300)
    assert "response.output_audio.done" not in kinds(client.happen(COMPLETED))


def test_old_items_are_forgotten() -> None:
    client = Client()
    for n in range(ITEMS + 1):
        client.send("conversation.item.create", item={**message({"type": "input_text", "text": "x"}), "id": f"i{n}"})
    assert kinds(client.send("conversation.item.retrieve", item_id="i0")) == ["error"]
    assert kinds(client.send("conversation.item.retrieve", item_id="i1")) == ["conversation.item.retrieved"]


NAMES = [
    "session",
    "audio",
    "input",
    "output",
    "item",
    "content",
    "type",
    "tools",
    "response",
    "format",
    "turn_detection",
    "voice",
    "item_id",
]


def shaped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | shaped(inner), max_leaves=8
)

TYPES = [
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "conversation.item.create", "conversation.item.retrieve",
    "conversation.item.truncate", "response.create", "response.cancel",
]  # fmt: skip


@example("input_audio_buffer.append", {"audio": "\x80"})
@given(st.sampled_from(TYPES), shaped(anything))
def test_whatever_a_client_sends_is_carried_out_or_refused_in_a_sentence(type: str, fields: dict[str, Any]) -> None:
    client = Client()
    for frame in client.conversation.receive(json.dumps({**fields, "type": type})):
        assert frame["type"] != "error" or frame["error"]["message"].endswith(".")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"type": 5}', '{"type": "conversation.item.delete"}'])
def test_what_is_no_event_is_refused(text: str) -> None:
    (error,) = checked(Client().conversation.receive(text))
    assert error["error"]["type"] == "invalid_request_error"


def test_a_client_secret_ends() -> None:
    now = 100.0
    names = iter(range(KEYS + 1))
    keys = ClientSecrets(lambda: now, lambda: f"{next(names)}")
    made = keys.mint("ann", {"model": "sim/voice"}, 60)
    assert (made.value, made.expires_at, made.value in repr(made)) == ("ek_0", 160, False)
    now = 159.9
    assert keys.get("ek_0") is made
    now = 160.0
    assert keys.get("ek_0") is None
    for _ in range(KEYS):
        keys.mint("ann", {})
    with pytest.raises(Refused, match="in use"):
        keys.mint("ann", {})


@pytest.mark.parametrize("asked", [5, {"anchor": "created_at", "seconds": 9}, {"anchor": "now"}, {"anchor": "created_at", "seconds": True}])
def test_a_life_out_of_bounds_is_refused(asked: Any) -> None:
    with pytest.raises(Refused, match="expires_after"):
        life(asked)
