"""OpenAI's Realtime, without I/O: recorded sessions of OpenAI, Azure and xAI, and what they do not hold."""

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
from tokenwidgets.events import End, Error, Speech, Text, Tool, Transcript, Usage
from tokenwidgets.realtime.inputs import Clear, Commit, Interrupt, Join, Played, Respond, Say, Sound, ToolResult, Update

fixtures.need()

SESSIONS = [
    "azure-voice-live-beta-names.jsonl", "azure-ws-text-in-audio-out.jsonl", "openai-translate.jsonl", "openai-webrtc-sideband-text.jsonl",
    "openai-ws-audio-in-vad.jsonl", "openai-ws-text-in-audio-out.jsonl", "openai-ws-text-tool.current.jsonl", "openai-ws-tool-call.jsonl",
    "xai-ws-reconnect-1011.jsonl", "xai-ws-tool-call.jsonl",
]  # fmt: skip

CREATED = {"type": "session.created", "session": {"type": "realtime", "model": "m", "expires_at": 1, "audio": {
    "input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": 300, "silence_duration_ms": 500}},
    "output": {"voice": "marin"}}}}  # fmt: skip
PIXEL = "data:image/png;base64,AA=="
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": True}}


def wire(session: dict[str, Any] | None = None, **more: Any) -> Any:
    return voices.wire("openai-realtime", session, **more)


def hear(this: Any, *frames: Any, at: int = 0) -> list[Any]:
    return [event for frame in frames for event in this.receive(json.dumps(frame).encode(), at).events]


def opened(session: dict[str, Any] | None = None, **more: Any) -> Any:
    """A session whose first connection is ready."""
    this = wire(session, **more)
    this.opening()
    hear(this, CREATED)
    return this


def say(this: Any, *inputs: Any, at: int = 0) -> list[Any]:
    return voices.said(frame for given in inputs for frame in this.say(given, at).frames)


def answer(item: str = "item_1", kind: str = "message", **more: Any) -> list[Any]:
    return [{"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.added", "item": {"id": item, "type": kind, **more}}]  # fmt: skip


def done(status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"type": "response.done", "response": {"status": status, **more}}


def audio(ms: int, item: str = "item_1") -> dict[str, Any]:
    return {"type": "response.output_audio.delta", "item_id": item, "delta": base64.b64encode(bytes(48 * ms)).decode()}


# ---------------------------------------------------------------------- recordings


def test_a_spoken_turn_with_its_words_and_sound() -> None:
    events = voices.read(wire(), voices.server("openai-ws-audio-in-vad.jsonl"))
    assert voices.words(events, "user") == "Hello, my name is Marcelo."
    assert voices.words(events, "assistant") == "Hello, Marcelo! Great to meet you. How can I help you today?"
    assert [state for state, _ in voices.speech(events)] == ["started", "stopped"]
    assert voices.usages(events) == [Usage(input=14, cache_read=0, output=28, audio_in=27, audio_out=136)]
    assert voices.turns(events) == [{"status": "completed"}]
    assert {e.rate for e in voices.sounds(events)} == {24_000}
    final = [e for e in events if isinstance(e, Transcript) and e.final]
    assert [e.role for e in final] == ["user", "assistant"], "each side's words end once"
    assert {e.block for e in voices.sounds(events)} == {final[1].block}
    assert final[0].block != final[1].block


def test_a_commentary_and_a_call_that_overlap_have_blocks_of_their_own() -> None:
    events = voices.read(wire(), voices.server("openai-ws-text-tool.current.jsonl"))
    assert voices.calls(events) == [("call_qBWDkMS4urWSGbSx", "get_weather", {"city": "London"}, False)]
    assert voices.text(events).endswith("It’s foggy and 12 degrees in London.")
    blocks = {type(e): e.block for e in reversed(events) if isinstance(e, Text | Tool)}
    assert blocks[Text] != blocks[Tool]
    assert "".join(e.delta for e in events if isinstance(e, Tool)) == '{"city":"London"}'
    assert voices.turns(events) == [{"status": "completed"}] * 2
    assert voices.notices(events, "rate_limits")[0]["remaining_tokens"] == 14998954


@pytest.mark.parametrize(
    ("name", "text", "words", "calls"),
    [
        ("azure-voice-live-beta-names.jsonl", "Hello there!", "", 0),
        ("azure-ws-text-in-audio-out.jsonl", "", None, 0),
        ("openai-ws-text-in-audio-out.jsonl", "", None, 0),
        ("openai-webrtc-sideband-text.jsonl", None, "", 0),
        ("openai-ws-tool-call.jsonl", None, "", 1),
        ("xai-ws-tool-call.jsonl", "", None, 1),
    ],
)
def test_what_was_said_is_what_the_servers_last_frames_repeat(name: str, text: str | None, words: str | None, calls: int) -> None:
    frames = voices.server(name)
    events = voices.read(wire(), frames)
    whole = [part for f in voices.said(frames) if f["type"] == "response.done" for o in f["response"]["output"]
             for part in o.get("content", [])]  # fmt: skip
    assert voices.text(events) == (text if text is not None else "".join(p.get("text", "") for p in whole))
    assert voices.words(events, "assistant") == (words if words is not None else "".join(p.get("transcript", "") for p in whole))
    assert len(voices.calls(events)) == calls
    assert {t["status"] for t in voices.turns(events)} == {"completed"}


@pytest.mark.parametrize("name", SESSIONS)
def test_any_beginning_of_a_session_and_any_frames_between_end_it_once(name: str) -> None:
    frames, rng = voices.server(name), random.Random(name)
    for length in range(len(frames) + 1):
        this = wire()
        voices.sound(voices.read(this, frames[:length]))
        voices.ends_once(this, rng.choice([None, 1000, 1001, 1006, 1011, 4000]))
    disturbed = [f for frame in frames for f in (frame, rng.choice(NASTY).encode(), rng.choice(frames))]
    this = wire()
    voices.sound(voices.read(this, disturbed))
    voices.ends_once(this)


FRAME = shaped({
    "type": st.sampled_from(["response.created", "response.done", "response.output_item.added", "response.output_audio.delta",
                             "response.audio_transcript.delta", "response.text.done", "response.function_call_arguments.done",
                             "input_audio_buffer.speech_started", "input_audio_buffer.committed", "error", "session.created",
                             "conversation.item.input_audio_transcription.completed", "rate_limits.updated"]),
    "item_id": st.sampled_from(["a", "b"]), "delta": st.sampled_from(["AAAA", "x"]), "arguments": ANY, "audio_start_ms": ANY,
    "item": shaped({"id": st.sampled_from(["a", "b"]), "type": st.sampled_from(["function_call", "message"]), "call_id": ANY}),
    "response": shaped({"status": st.sampled_from(["completed", "cancelled", "failed"]), "status_details": ANY, "usage": ANY}),
    "session": shaped({"type": ANY, "modalities": ANY, "audio": ANY, "turn_detection": ANY, "voice": ANY, "expires_at": ANY}),
    "error": ANY, "transcript": ANY, "rate_limits": ANY,
})  # fmt: skip


@given(frames=st.lists(st.binary(max_size=30) | FRAME.map(lambda f: json.dumps(f).encode()), max_size=12))
def test_any_frames_at_all_give_events_and_one_ending(frames: list[bytes]) -> None:
    this = wire()
    voices.sound(voices.read(this, frames))
    voices.ends_once(this)


# ---------------------------------------------------------------------- what we send


def test_what_is_sent_is_what_the_recorded_client_sent() -> None:
    this = wire(system="Answer in two or three words.")
    this.opening()
    created, *_ = voices.server("openai-ws-text-in-audio-out.jsonl")
    ours = voices.said(this.receive(created, 0).frames) + say(this, Say("Say a short greeting."))
    theirs = voices.client("openai-ws-text-in-audio-out.jsonl")
    assert {**ours[-1], "event_id": None} == {**theirs[-1], "event_id": None}
    assert ours[:-1] == theirs[:-1]


def test_azures_beta_and_xai_are_told_in_their_own_shape() -> None:
    for name in ("azure-voice-live-beta-names.jsonl", "xai-ws-tool-call.jsonl"):
        this = wire({"output": "text"} if "azure" in name else {}, messages=[{"role": "assistant", "content": "Hi."}])
        this.opening()
        update, item = voices.said(this.receive(voices.server(name)[0], 0).frames)
        theirs = voices.client(name)[0]["session"]
        assert update["session"] == {k: v for k, v in theirs.items() if k not in ("instructions", "tools", "resumption")}
        assert item["item"]["content"] == [{"type": "text" if "azure" in name else "output_text", "text": "Hi."}]


def test_every_frame_is_one_of_the_sdk() -> None:
    from openai.types.realtime import RealtimeClientEvent
    from pydantic import TypeAdapter

    earlier = [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": PIXEL}}]},
        {"role": "assistant", "content": "Hello", "tool_calls": [{"id": "c", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "rain"},
    ]  # fmt: skip
    options = {"max_tokens": 100, "tool_choice": {"type": "function", "function": {"name": "weather"}}, "reasoning": "low"}
    this = wire({"voice": "marin", "silence_ms": 300}, messages=earlier, system="Be brief.", tools=[WEATHER], options=options)
    this.opening()
    frames = voices.said(this.receive(json.dumps(CREATED).encode(), 0).frames)
    hear(this, *answer(), audio(500))
    frames += say(this, Sound(bytes(960), 48_000), Commit(), Clear(), Interrupt(1, 100), Say("x", (PIXEL,)))
    frames += say(this, ToolResult("c", "x"), Respond("Shout.", "text"))
    frames += voices.said(this.receive(json.dumps(done("cancelled")).encode(), 0).frames)
    frames += say(this, Update({"interrupt": False}, "New.", ()))
    kinds = {f["type"] for f in frames}
    assert len(kinds) == 8
    adapter: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)
    for frame in frames:
        assert not _unknown(adapter.validate_json(json.dumps(frame))), frame


def _unknown(model: Any) -> list[str]:
    """Names in a model of the SDK that it does not know."""
    if isinstance(model, list):
        return [name for part in model for name in _unknown(part)]
    if not hasattr(model, "model_fields_set"):
        return []
    return [*(model.model_extra or {}), *(n for name in model.model_fields_set for n in _unknown(getattr(model, name, None)))]


def test_what_cannot_be_said_is_refused_before_anything_is_sent() -> None:
    for options in ({"seed": 1}, {"temperature": 1}, {"stop": "x"}, {"response_format": {"type": "json_object"}}):
        with pytest.raises(Refused, match=next(iter(options))):
            wire(options=options)
    with pytest.raises(Refused, match="text and pictures"):
        wire(messages=[{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}])


def test_the_model_stands_in_the_address() -> None:
    url = dialects.voice("openai-realtime").url("wss://api.openai.com/v1", "gpt realtime/2&x")
    assert url == "wss://api.openai.com/v1/realtime?model=gpt%20realtime%2F2%26x"


# ---------------------------------------------------------------------- turns


def test_speech_is_told_by_when_it_was_spoken() -> None:
    this = opened({"silence_ms": 500})
    for i in range(100):  # 2 s of sound at 20 ms, each piece sent 5 ms after its last sample
        this.say(Sound(bytes(960)), 1_000_000 + i * 20_000 + 5_000)
    events = hear(this, {"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": "u"},
                  {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1500, "item_id": "u"})  # fmt: skip
    spoken_at = 1_000_000 - 20_000 + 5_000  # of the first sample
    assert voices.speech(events) == [("started", spoken_at + 400_000), ("stopped", spoken_at + 1_000_000)]


def test_speech_interrupts_an_answer_that_is_given_or_still_heard_and_no_other() -> None:
    started = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u"}
    interrupted = [Speech("interrupted")]
    this = opened()
    hear(this, *answer(), audio(2_000), done(), at=1_000_000)
    assert hear(this, started, at=2_500_000)[1:] == interrupted
    assert hear(this, started, at=2_500_000)[1:] == []
    hear(this, *answer("item_2"), audio(1_000, "item_2"), done(), at=3_000_000)
    assert hear(this, started, at=4_100_000)[1:] == []
    hear(this, *answer("item_3"), at=5_000_000)
    assert hear(this, started, at=5_000_001)[1:] == interrupted
    events = hear(this, done("cancelled", status_details={"reason": "turn_detected"}))
    assert (voices.speech(events), voices.turns(events)) == ([], [{"status": "cancelled", "message": "turn_detected"}])


def test_what_was_still_played_of_an_earlier_answer_ends_no_later_one() -> None:
    """The page tells that it stopped playing after another answer was asked for."""
    this = opened()
    hear(this, *answer(), audio(900), done())
    this.say(Say("Shorter."), 0)
    hear(this, {"type": "response.created"})
    assert [frame["type"] for frame in say(this, Interrupt(1, 300))] == ["conversation.item.truncate"]
    assert [frame["type"] for frame in say(this, Interrupt())] == ["response.cancel"]


def test_an_interruption_forgets_what_was_not_heard() -> None:
    this = opened()
    hear(this, *answer(), audio(900))
    step = this.say(Interrupt(1, 10_000), 500_000)
    assert step.events == [Speech("interrupted")]
    assert voices.said(step.frames) == [
        {"type": "response.cancel"},
        {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 900},
    ]
    events = hear(this, done("cancelled", status_details={"reason": "client_cancelled"}), {"type": "conversation.item.truncated"})
    assert voices.speech(events) == [], "it is told once"
    assert say(this, Interrupt(1, 300))[0]["audio_end_ms"] == 300, "what is still played when it has been given whole"
    assert say(this, Interrupt()) == []


def test_an_answer_waits_for_the_one_before_it_unless_it_takes_its_place() -> None:
    this = opened()
    hear(this, *answer())
    assert [f["type"] for f in say(this, ToolResult("c", "x"))] == ["conversation.item.create"]
    step = this.receive(json.dumps(done()).encode(), 0)
    assert [f["type"] for f in voices.said(step.frames)] == ["response.create"]
    assert [f["type"] for f in say(this, Say("y"), at=10**9)] == ["conversation.item.create", "response.cancel"]
    hear(this, *answer("item_2"))
    step = this.receive(json.dumps(done("cancelled")).encode(), 0)
    assert [f["type"] for f in voices.said(step.frames)] == ["response.create"]
    assert this.waiting


def test_an_answer_that_met_one_of_the_servers_own_is_asked_for_again_after_it() -> None:
    this = opened()
    [asked] = say(this, Respond("Shout."))
    assert hear(this, *answer(), failed("conversation_already_has_active_response", event_id=asked["event_id"])) == []
    step = this.receive(json.dumps(done()).encode(), 0)
    [again] = voices.said(step.frames)
    assert again["response"] == {"instructions": "Shout."}
    assert again["event_id"] != asked["event_id"]


def test_sound_of_another_rate_is_sent_at_the_servers() -> None:
    this = opened()
    frames = say(this, *(Sound(bytes(1_920), 48_000) for _ in range(10)))
    assert sum(len(base64.b64decode(f["audio"])) for f in frames) == pytest.approx(9_600, abs=4)


def test_a_change_does_not_name_the_voice_again_and_a_bad_one_is_refused() -> None:
    this = opened({"voice": "marin"})
    [frame] = say(this, Update({"interrupt": False}, "Be brief."))
    assert "voice" not in frame["session"]["audio"]["output"]
    assert frame["session"]["instructions"] == "Be brief."
    assert frame["session"]["audio"]["input"]["turn_detection"]["interrupt_response"] is False
    assert say(this, Update(system="", tools=()))[0]["session"].items() >= {"instructions": "", "tools": []}.items()
    assert say(this, Update({"voice": "cedar"}))[0]["session"]["audio"]["output"]["voice"] == "cedar"
    step = this.say(Update({"output": "song"}), 0)
    assert (step.frames, "'output'" in voices.notices(step.events, "session")[0]["refused"]) == ([], True)
    assert say(this, Update({"turn_detection": "none"}))[0]["session"]["audio"]["input"]["turn_detection"] is None
    assert this.say(Played(1, 2), 0).frames == []


def test_a_call_that_was_cut_or_is_no_json_is_invalid() -> None:
    this = opened()
    begun = answer("i", "function_call", call_id="c", name="f")
    args = {"type": "response.function_call_arguments.delta", "item_id": "i", "delta": '{"a'}
    assert voices.calls(hear(this, *begun, args, done("cancelled"))) == [("c", "f", None, True)]


# ---------------------------------------------------------------------- failures


def failed(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "code": code, "message": message, **more}}


def test_most_faults_leave_the_session_as_it_was() -> None:
    this = opened()
    assert hear(this, failed("response_cancel_not_active")) == []
    [notice] = hear(this, failed("invalid_value", "Voice cannot be changed."))
    assert (notice.kind, notice.data) == ("fault", {"code": "bad_request", "message": "Voice cannot be changed."})
    asked = say(this, Respond())[0]["event_id"]
    events = hear(this, failed("invalid_value", event_id=asked))
    assert voices.turns(events) == [{"status": "failed", "message": "No."}]
    assert not this.waiting
    assert voices.text(hear(this, *answer(), {"type": "response.output_text.done", "item_id": "item_1", "text": "Hi"})) == "Hi"


def test_a_fault_that_closes_the_connection_is_why_the_session_ended() -> None:
    this = opened()
    hear(this, failed("insufficient_quota", "You exceeded your quota."))
    [error] = this.closed(1001, "")
    assert isinstance(error, Error)
    assert (error.code, error.message, error.stage, error.retryable) == ("rate_limited", "You exceeded your quota.", "close", False)


def test_a_failed_answer_says_why() -> None:
    details = {"type": "failed", "error": {"code": "rate_limit_exceeded", "message": "Too fast."}}
    assert voices.turns(hear(opened(), *answer(), done("failed", status_details=details))) == [{"status": "failed", "message": "Too fast."}]


@pytest.mark.parametrize("how", ["expired", 1006, 1011, None])
def test_the_session_goes_on_over_another_connection_that_is_told_what_was_said(how: Any) -> None:
    this = opened(messages=[{"role": "user", "content": "Before."}], system="Be brief.")
    transcript = {"type": "response.output_audio_transcript.delta", "item_id": "item_1", "delta": "abcdefghij"}
    hear(this, {"type": "input_audio_buffer.committed", "item_id": "u"}, *answer(), audio(1_000), transcript)
    hear(this, {"type": "conversation.item.input_audio_transcription.completed", "item_id": "u", "transcript": "Spoken."}, done())
    say(this, Interrupt(2, 500), Say("Written.", respond=False))
    hear(this, *answer("item_2"))
    events = hear(this, failed("session_expired")) if how == "expired" else this.closed(how, "")
    assert this.renew
    assert voices.turns(events)[0]["status"] == "failed"
    assert this.closed(1001, "") == []
    assert this.opening() == []
    assert not this.ready
    step = this.receive(json.dumps(CREATED).encode(), 0)
    update, *items = voices.said(step.frames)
    assert update["session"]["instructions"] == "Be brief."
    assert [(i["item"]["role"], i["item"]["content"][0]["text"]) for i in items] == [
        ("user", "Before."), ("user", "Spoken."), ("assistant", "abcde"), ("user", "Written."),
    ]  # fmt: skip
    assert "renewed" in voices.notices(step.events, "session")[0]
    events = hear(this, *answer("item_9"), {"type": "response.output_text.done", "item_id": "item_9", "text": "Hi"})
    assert next(e.block for e in events if isinstance(e, Text)) > 2, "no block of the connection before"


def test_a_connection_that_was_not_used_is_not_renewed_for_ever() -> None:
    [error] = opened().closed(1011, "internal")
    assert isinstance(error, Error)
    assert "1011: internal" in error.message
    assert opened().closed(1000, "bye") == [End("stop", raw="bye")]


# ---------------------------------------------------------------------- a call between page and provider


def joined(**more: Any) -> Any:
    """A session that has moved to a call and hears of it."""
    this = opened(**more)
    this.say(Join("rtc_1"), 0)
    this.opening()
    hear(this, {**CREATED, "type": "session.updated"})
    return this


def test_who_listens_to_a_call_speaks_first_and_tells_what_was_said() -> None:
    this = opened(system="Be brief.")
    say(this, Say("Hello", respond=False))
    assert this.say(Join("rtc_1"), 0).frames == []
    assert this.renew
    assert dialects.voice("openai-realtime").url("wss://h/v1", "m", this.call) == "wss://h/v1/realtime?call_id=rtc_1"
    assert this.closed(1000, "") == [], "it is we who left"
    updated, item = voices.said(this.opening())
    assert (updated["type"], updated["session"]["instructions"]) == ("session.update", "Be brief.")
    assert item["item"]["content"][0]["text"] == "Hello"
    assert not this.ready
    step = this.receive(json.dumps({**CREATED, "type": "session.updated"}).encode(), 0)
    assert this.ready
    assert step.frames == []
    [notice] = voices.notices(step.events, "session")
    assert notice["call"] == "rtc_1"
    assert "not kept" in notice["renewed"]


def test_the_recorded_sideband_opens_as_ours() -> None:
    this = wire({"output": "text"}, system="Answer in two words.")
    this.say(Join("rtc_1"), 0)
    [update] = voices.said(this.opening())
    assert update == voices.client("openai-webrtc-sideband-text.jsonl")[0]
    events = voices.read(this, voices.server("openai-webrtc-sideband-text.jsonl"))
    assert voices.text(events).startswith("Hello there")


def test_the_sound_of_a_call_is_told_by_the_providers_buffer() -> None:
    this = joined()
    started, stopped, cleared = ({"type": f"output_audio_buffer.{kind}", "response_id": "r"} for kind in ("started", "stopped", "cleared"))
    speaks = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u"}
    [sound] = voices.sounds(hear(this, *answer(), started))
    assert (sound.track, sound.delta, sound.block) == (True, "", 1)
    hear(this, done(), at=1_000_000)
    assert voices.speech(hear(this, speaks, at=9_000_000))[1:] == [("interrupted", None)], "it still sounded"
    assert voices.speech(hear(this, cleared, at=9_000_100)) == [], "it is told once"
    hear(this, *answer("item_2"), started, done(), stopped, at=10_000_000)
    assert len(voices.speech(hear(this, speaks, at=10_000_001))) == 1, "all of it was heard"


def test_a_press_ends_the_sound_of_a_call_and_the_provider_tells_how_much_was_heard() -> None:
    this = joined()
    assert say(this, Interrupt(1, 100)) == [], "nothing sounds"
    words = {"type": "response.output_audio_transcript.delta", "item_id": "item_1", "delta": "One two three four five six."}
    hear(this, *answer(), words, {"type": "output_audio_buffer.started", "response_id": "r"})
    assert [frame["type"] for frame in say(this, Interrupt(1, 700), at=1)] == ["response.cancel", "output_audio_buffer.clear"]
    hear(this, {"type": "conversation.item.truncated", "item_id": "item_1", "content_index": 0, "audio_end_ms": 500}, done("cancelled"))
    this.say(Join(), 0)
    this.opening()
    _, told = voices.said(this.receive(json.dumps(CREATED).encode(), 0).frames)
    assert told["item"]["content"][0]["text"] == "One two"


def test_speech_in_a_call_is_told_by_the_least_delay_of_what_is_told_of_it() -> None:
    this = joined()
    hear(this, {**CREATED, "type": "session.updated"})
    begins = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 700, "item_id": "u"}
    ends = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 3_000, "item_id": "u"}
    assert voices.speech(hear(this, begins, at=5_200_000)) == [("started", 5_200_000)]
    assert voices.speech(hear(this, ends, at=7_100_000)) == [("stopped", 6_600_000)], "500 ms of silence before it was told"


def test_a_call_that_ends_is_missed_or_refuses_our_session_gives_way_to_a_connection_of_our_own() -> None:
    refused = {"type": "error", "error": {"code": "invalid_value", "message": "No such voice."}}
    for how in ("ends", "missed", "refused"):
        this = opened()
        this.say(Join("rtc_1"), 0)
        this.opening()
        if how == "refused":
            hear(this, refused)
        elif how == "missed":
            this.missed("the host answered 404.")
        else:
            hear(this, {**CREATED, "type": "session.updated"})
            assert this.closed(1000, "") == []
        assert (this.renew, this.call) == (True, "")
        assert this.opening() == []
        [notice] = voices.notices(hear(this, CREATED), "session")
        assert "call" not in notice
        assert "cannot be listened to" in notice["renewed"]


def test_a_call_whose_connection_breaks_is_listened_to_again() -> None:
    this = joined()
    hear(this, *answer())
    [cut] = voices.turns(this.closed(1006, ""))
    assert "broke" in cut["message"]
    assert (this.renew, this.call) == (True, "rtc_1")


def test_sound_from_elsewhere_is_not_heard_in_a_call_which_is_said_once() -> None:
    this = joined()
    steps = [this.say(Sound(bytes(960)), 0) for _ in range(3)]
    assert [frame for step in steps for frame in step.frames] == []
    assert len(voices.notices([event for step in steps for event in step.events], "fault")) == 1
