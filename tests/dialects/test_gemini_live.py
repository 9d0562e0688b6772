"""Gemini Live, without I/O: recorded sessions of the Gemini API and of Vertex, and what they do not hold."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import fixtures
import pytest
import voices
from hypothesis import given
from hypothesis import strategies as st
from streams import ANY, NASTY, shaped

from tokenwidgets import dialects
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Error, Notice, Speech, Tool, Transcript, Usage
from tokenwidgets.realtime.inputs import Clear, Commit, Interrupt, Respond, Say, Sound, ToolResult, Update

fixtures.need()

SESSIONS = [
    "gemini-live-tool-call.jsonl", "gemini-live-tool.3.1-flash-live.jsonl", "gemini-live-translate.jsonl", "gemini-live-two-turns.jsonl",
    "gemini-live-vertex.jsonl",
]  # fmt: skip

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
PCM = base64.b64encode(bytes(480)).decode()
SOUND = {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": PCM}}]}}}
WORDS = {"serverContent": {"outputTranscription": {"text": "Hello"}}}
ENDED = {"serverContent": {"turnComplete": True}}
HANDLE = {"sessionResumptionUpdate": {"newHandle": "h1", "resumable": True}}


def wire(session: dict[str, Any] | None = None, **more: Any) -> Any:
    return voices.wire("gemini-live", session, **more)


def hear(this: Any, *frames: Any, at: int = 0) -> list[Any]:
    return [event for frame in frames for event in this.receive(json.dumps(frame).encode(), at).events]


def opened(session: dict[str, Any] | None = None, **more: Any) -> Any:
    this = wire(session, **more)
    this.opening()
    hear(this, {"setupComplete": {}})
    return this


def say(this: Any, *inputs: Any) -> list[Any]:
    return voices.said(frame for given in inputs for frame in this.say(given, 0).frames)


def setup(this: Any) -> Any:
    return voices.said(this.opening())[0]["setup"]


# ---------------------------------------------------------------------- recordings


def test_a_turn_whose_words_come_before_its_sound() -> None:
    events = voices.read(wire(), voices.server("gemini-live-vertex.jsonl"))
    assert voices.words(events, "assistant") == "Hello there."
    assert len(voices.sounds(events)) == 4
    assert {e.rate for e in voices.sounds(events)} == {24_000}, "Vertex does not tell it"
    assert voices.usages(events) == [Usage(input=12, output=3)]
    assert voices.turns(events) == [{"status": "completed"}]


def test_an_answer_ends_with_its_calls_since_their_results_are_waited_for() -> None:
    events = voices.read(wire(), voices.server("gemini-live-tool.3.1-flash-live.jsonl"))
    assert voices.calls(events) == [("fc_3880303533621599938", "get_weather", {"city": "London"}, False)]
    assert voices.words(events, "assistant") == "It is foggy and 12 degrees in London."
    assert voices.usages(events) == [Usage(input=482, output=12, audio_out=57)]
    assert voices.turns(events) == [{"status": "completed"}] * 2
    first = next(i for i, event in enumerate(events) if isinstance(event, Notice) and event.kind == "turn")
    assert isinstance(events[first - 1], Tool), "whoever carries calls out need not wait for words that come after them"
    blocks = {e.block for e in events if isinstance(e, Tool)} & {e.block for e in voices.sounds(events)}
    assert not blocks


@pytest.mark.parametrize(("name", "turns"), [("gemini-live-tool-call.jsonl", 1), ("gemini-live-two-turns.jsonl", 2)])
def test_what_the_frames_say_is_what_is_journalled(name: str, turns: int) -> None:
    frames = voices.server(name)
    events = voices.read(wire(), frames)
    contents = [f.get("serverContent", {}) for f in voices.said(frames)]
    assert voices.words(events, "assistant") == "".join(c.get("outputTranscription", {}).get("text", "") for c in contents)
    data = [p["inlineData"]["data"] for c in contents for p in c.get("modelTurn", {}).get("parts", []) if "inlineData" in p]
    assert [e.delta for e in voices.sounds(events)] == data
    assert len(voices.turns(events)) == turns + 1, "and the one that ends with its call"
    assert turns == len({e.block for e in voices.sounds(events)})
    assert len(voices.calls(events)) == 1


def test_a_call_leaves_the_session_to_the_user_until_its_result_is_told() -> None:
    this = opened()
    hear(this, {"toolCall": {"functionCalls": [{"id": "1", "name": "look", "args": {}}]}})
    assert not this.waiting
    (frame,) = voices.said(this.say(ToolResult("1", "seen"), 0).frames)
    assert frame["toolResponse"]["functionResponses"][0]["id"] == "1"
    assert this.waiting
    assert voices.turns(hear(this, WORDS, SOUND, ENDED)) == [{"status": "completed"}]


def test_a_model_that_takes_history_only_is_written_to_as_it_is_spoken_to() -> None:
    """Gemini 3.1 closes the connection with 1007 on `clientContent` after its first answer (google/adk-python#5018)."""
    this = voices.wire("gemini-live", {}, model="google/gemini-3.1-flash-live-preview")
    this.opening()
    hear(this, {"setupComplete": {}})
    assert voices.said(this.say(Say("And now?", ("data:image/png;base64,aGk=",)), 0).frames) == [
        {"realtimeInput": {"video": {"mimeType": "image/png", "data": "aGk="}}},
        {"realtimeInput": {"text": "And now?"}},
    ]
    hear(this, WORDS)
    interrupted = this.say(Interrupt(), 0)
    assert interrupted.frames == []
    assert Speech("interrupted") in interrupted.events
    assert voices.said(this.say(Respond(instructions="Be brief."), 0).frames) == [{"realtimeInput": {"text": "Be brief."}}]
    alone = this.say(Respond(), 0)
    assert alone.frames == []
    assert "cannot be asked for an answer alone" in str(alone.events)


def test_words_of_the_user_are_final_when_the_answer_begins() -> None:
    heard = [{"serverContent": {"inputTranscription": {"text": text}}} for text in (" Hello", " you")]
    events = hear(opened(), *heard, WORDS, SOUND, ENDED)
    user = [(e.delta, e.final) for e in events if isinstance(e, Transcript) and e.role == "user"]
    assert user == [("Hello", False), (" you", False), ("", True)]
    assert isinstance(events[3], Transcript)
    assert events[3].role == "assistant"


@pytest.mark.parametrize("name", SESSIONS)
def test_any_beginning_of_a_session_and_any_frames_between_end_it_once(name: str) -> None:
    frames, rng = voices.server(name), random.Random(name)
    for length in range(len(frames) + 1):
        this = wire()
        voices.sound(voices.read(this, frames[:length]))
        voices.ends_once(this, rng.choice([None, 1000, 1001, 1007, 1008, 1011, 4000]))
    disturbed = [f for frame in frames for f in (frame, rng.choice(NASTY).encode(), rng.choice(frames))]
    this = wire()
    voices.sound(voices.read(this, disturbed))
    voices.ends_once(this)


FRAME = shaped({
    "setupComplete": ANY, "goAway": ANY, "usageMetadata": ANY,
    "serverContent": shaped({"modelTurn": shaped({"parts": st.lists(shaped({"text": ANY, "thought": ANY, "inlineData": ANY}), max_size=2)}),
                             "outputTranscription": shaped({"text": ANY, "finished": ANY}), "inputTranscription": shaped({"text": ANY}),
                             "interrupted": ANY, "generationComplete": ANY, "turnComplete": ANY, "turnCompleteReason": ANY}),
    "toolCall": shaped({"functionCalls": st.lists(shaped({"id": ANY, "name": ANY, "args": ANY}), max_size=2)}),
    "toolCallCancellation": shaped({"ids": ANY}), "voiceActivity": shaped({"voiceActivityType": ANY, "audioOffset": ANY}),
    "sessionResumptionUpdate": shaped({"newHandle": ANY, "resumable": ANY}),
})  # fmt: skip


@given(frames=st.lists(st.binary(max_size=30) | FRAME.map(lambda f: json.dumps(f).encode()), max_size=12))
def test_any_frames_at_all_give_events_and_one_ending(frames: list[bytes]) -> None:
    this = wire()
    voices.sound(voices.read(this, frames))
    voices.ends_once(this)


# ---------------------------------------------------------------------- what we send


def test_what_is_sent_is_what_the_recorded_client_sent() -> None:
    theirs = voices.client("gemini-live-tool.3.1-flash-live.jsonl")
    tool = {"type": "function", "function": {"name": "get_weather", "description": "Look up the weather for a city."}}
    this = wire(system=theirs[0]["setup"]["systemInstruction"]["parts"][0]["text"], tools=[tool])
    ours = setup(this)
    for name in ("inputAudioTranscription", "outputAudioTranscription", "generationConfig"):
        assert ours[name] == theirs[0]["setup"][name]
    assert ours["systemInstruction"]["parts"] == theirs[0]["setup"]["systemInstruction"]["parts"]
    assert ours["tools"][0]["functionDeclarations"][0]["name"] == "get_weather"
    frames = voices.server("gemini-live-tool.3.1-flash-live.jsonl")
    hear(this, *voices.said(frames[:1]))
    [asked] = say(this, Say("What is the weather in London?"))
    assert asked["clientContent"] == theirs[1]["client_content"]
    hear(this, *voices.said(frames[1:3]))
    [result] = say(this, ToolResult("fc_3880303533621599938", "It is foggy and 12 degrees in London."))
    assert result["toolResponse"] == theirs[2]["tool_response"]


def test_every_frame_is_one_of_the_sdk() -> None:
    from google.genai import types

    earlier = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    session = {"voice": "Puck", "turn_detection": "none", "interrupt": False}
    this = wire(session, messages=earlier, system="Be brief.", tools=[WEATHER], options={"max_tokens": 9, "reasoning": "low"})
    frames = voices.said(this.opening()) + voices.said(this.receive(b'{"setupComplete": {}}', 0).frames)
    hear(this, {"toolCall": {"functionCalls": [{"id": "c", "name": "weather", "args": {}}]}})
    frames += say(this, Sound(bytes(960), 48_000), Commit(), Respond(), Say("x", ("data:image/png;base64,AA==",)), Interrupt())
    hear(this, {"toolCall": {"functionCalls": [{"id": "c", "name": "weather", "args": {}}]}})
    frames += say(this, ToolResult("c", '{"rain": 1}'))
    assert len(frames) == 8
    later = {name: frames[0]["setup"].pop(name) for name in ("realtimeInputConfig", "historyConfig") if name in frames[0]["setup"]}
    types.LiveConnectConfig.model_validate(later)  # where the SDK has these
    for frame in frames:
        types.LiveClientMessage.model_validate(frame)


def test_what_was_said_before_is_told_without_asking_for_an_answer() -> None:
    for model, complete in (("gemini-2.5-flash-live", False), ("gemini-3.1-flash-live", True)):
        this = wire(model=f"some/{model}", messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
        assert ("historyConfig" in setup(this)) is complete
        [frame] = voices.said(this.receive(b'{"setupComplete": {}}', 0).frames)
        assert [t["role"] for t in frame["clientContent"]["turns"]] == ["user", "model"]
        assert frame["clientContent"]["turnComplete"] is complete
        assert not this.waiting


def test_push_to_talk_begins_with_sound_and_ends_when_an_answer_is_asked_for() -> None:
    this = opened({"turn_detection": "none"})
    frames = say(this, Sound(bytes(640), 16_000), Sound(bytes(640), 16_000), Commit(), Respond())
    assert [next(iter(f["realtimeInput"])) for f in frames] == ["activityStart", "audio", "audio", "activityEnd"]
    assert this.say(Clear(), 0).events == [], "nothing was heard since"
    assert frames[1]["realtimeInput"]["audio"]["mimeType"] == "audio/pcm;rate=16000"
    assert setup(this)["realtimeInputConfig"] == {"automaticActivityDetection": {"disabled": True}}


def test_the_end_of_a_turn_that_gemini_finds_is_hurried_by_a_commit_and_not_asked_for_twice() -> None:
    frames = say(opened(), Sound(bytes(640)), Commit(), Respond())
    assert [next(iter(f["realtimeInput"])) for f in frames] == ["audio", "audioStreamEnd"]


def test_what_cannot_be_said_is_refused_or_told() -> None:
    for more in ({"options": {"stop": "x"}}, {"options": {"tool_choice": "none"}}, {"session": {"respond": False}}):
        with pytest.raises(Refused, match="Gemini Live"):
            wire(**more)
    this = opened()
    for said in (Clear(), ToolResult("nobody", "x"), Respond(output="text")):
        assert voices.notices(this.say(said, 0).events, "fault")


def test_the_method_is_added_to_googles_host_alone() -> None:
    spoken = dialects.voice("gemini-live")
    assert spoken.url("wss://generativelanguage.googleapis.com", "m").endswith("v1beta.GenerativeService.BidiGenerateContent")
    vertex = "wss://x-aiplatform.googleapis.com/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    assert spoken.url(vertex, "m") == vertex


# ---------------------------------------------------------------------- interruptions


def test_speech_ends_an_answer_once() -> None:
    this = opened()
    events = hear(this, SOUND, {"serverContent": {"interrupted": True}}, {"serverContent": {"interrupted": True}}, ENDED)
    assert (voices.speech(events), voices.turns(events)) == ([("interrupted", None)], [{"status": "cancelled"}])


@pytest.mark.parametrize("server", ["obeys", "goes on"])
def test_an_interruption_from_here_ends_an_answer_whatever_the_server_does(server: str) -> None:
    this = opened()
    hear(this, WORDS, SOUND)
    step = this.say(Interrupt(1, 10), 0)
    assert voices.said(step.frames) == [{"clientContent": {"turnComplete": False}}]
    assert voices.turns(step.events) == [{"status": "cancelled"}]
    assert Speech("interrupted") in step.events
    say(this, Say("Stop."))
    rest = [{"serverContent": {"interrupted": True}}] if server == "obeys" else [SOUND, {"serverContent": {"generationComplete": True}}]
    assert hear(this, *rest, ENDED) == []
    events = hear(this, WORDS, SOUND, ENDED)
    assert (voices.words(events, "assistant"), voices.turns(events)) == ("Hello", [{"status": "completed"}])
    assert this.say(Interrupt(), 0).frames == []


def test_calls_that_are_taken_back_take_no_result() -> None:
    this = opened()
    hear(this, {"toolCall": {"functionCalls": [{"id": "c", "name": "f", "args": {}}]}})
    assert hear(this, {"toolCallCancellation": {"ids": ["c"]}}) == [Notice("tool_cancelled", {"ids": ["c"]})]
    assert say(this, ToolResult("c", "x")) == []


def test_a_turn_that_gemini_rejects_has_failed() -> None:
    rejected = {"serverContent": {"turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED"}}
    assert voices.turns(hear(opened(), WORDS, rejected)) == [{"status": "failed", "message": "Gemini ended the turn: response rejected."}]


def test_what_its_detector_says_is_told_by_when_it_was_spoken() -> None:
    this = opened()
    this.say(Sound(bytes(48_000)), 2_000_000)
    begun = {"voiceActivity": {"voiceActivityType": "ACTIVITY_START", "audioOffset": "0.25s"}}
    ended = {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}}
    assert voices.speech(hear(this, begun, ended)) == [("started", 1_250_000), ("stopped", None)]


# ---------------------------------------------------------------------- connections


def test_it_goes_when_it_is_told_to_with_the_newest_handle_and_between_turns() -> None:
    this = opened()
    hear(this, HANDLE, WORDS, {"goAway": {"timeLeft": "50s"}})
    assert not this.renew
    hear(this, ENDED)
    assert not this.renew, "the handle does not hold the answer yet"
    hear(this, {"sessionResumptionUpdate": {"newHandle": "h2", "resumable": True}})
    assert this.renew
    assert this.closed(1006, "") == []
    assert setup(this)["sessionResumption"] == {"handle": "h2"}
    [notice] = hear(this, {"setupComplete": {}})
    assert "renewed" in notice.data


def test_it_goes_at_once_where_nothing_is_under_way_and_stays_without_a_handle() -> None:
    this = opened()
    hear(this, {"goAway": {}})
    assert not this.renew
    hear(this, HANDLE)
    assert this.renew
    other = opened()
    hear(other, HANDLE, {"goAway": {}})
    assert other.renew


def test_a_lost_connection_is_resumed_and_the_answer_in_it_has_failed() -> None:
    this = opened()
    hear(this, HANDLE, WORDS)
    events = this.closed(1006, "")
    assert this.renew
    assert voices.turns(events)[0]["status"] == "failed"
    this.opening()
    [error] = this.closed(1011, "Internal error occurred.")
    assert isinstance(error, Error), "one that fails at once would fail again"


def test_a_change_opens_another_connection() -> None:
    this = opened(system="Be brief.")
    assert "refused" in this.say(Update(system="x"), 0).events[0].data
    hear(this, HANDLE)
    this.say(Update({"voice": "Kore"}, "Shout."), 0)
    assert this.renew
    told = setup(this)
    assert told["systemInstruction"]["parts"] == [{"text": "Shout."}]
    assert "Kore" in json.dumps(told["generationConfig"])
    assert "refused" in this.say(Update({"respond": False}), 0).events[0].data


@pytest.mark.parametrize(
    ("code", "reason", "kind", "retryable"),
    [
        (1007, "API key expired. Please renew the API key.", "auth", False),
        (1007, "Request contains an invalid argument.", "bad_request", False),
        (1007, "User location is not supported for the API use.", "bad_request", False),
        (1008, "models/x is not found for API version v1beta", "not_found", False),
        (1008, "Requested entity was not found", "not_found", False),
        (1011, "You exceeded your current quota", "rate_limited", True),
        (1011, "Internal error occurred.", "internal", True),
        (1011, "", "internal", True),
        (4321, "what?", "connection", True),
    ],
)
def test_why_it_was_closed_is_the_diagnosis(code: int, reason: str, kind: str, retryable: bool) -> None:
    [error] = opened().closed(code, reason)
    assert isinstance(error, Error)
    assert (error.code, error.retryable, error.stage) == (kind, retryable, "close")
    assert reason in error.message


def test_a_server_that_is_done_ends_the_session() -> None:
    assert opened().closed(1000, "") == [End("stop")]
