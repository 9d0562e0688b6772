from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_responses import OpenAIResponses
from tokenwidgets.dialects.responses_server import ResponsesServer
from tokenwidgets.events import (
    Audio,
    Carry,
    End,
    Error,
    ErrorCode,
    Event,
    Notice,
    Reasoning,
    Refusal,
    Start,
    Text,
    Tool,
    Usage,
)  # fmt: skip
from tokenwidgets.providers.sim import Sim
from tokenwidgets.request import parse


def wire(events: list[Event]) -> bytes:
    server = ResponsesServer("resp_1", "m", 1_700_000_000)
    return b"".join(map(server.encode, events))


def frames(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in raw.splitlines() if line.startswith(b"data: {")]


def kinds(raw: bytes) -> list[str]:
    return [frame["type"].removeprefix("response.") for frame in frames(raw)]


def back(raw: bytes) -> list[Event]:
    decoder = OpenAIResponses().decoder(Profile())
    return decoder.feed(raw) + decoder.close()


def content(events: list[Event]) -> dict[Any, Any]:
    """What a user sees: text by kind, calls, counts, the end."""
    out: dict[Any, Any] = defaultdict(str)
    calls: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, Reasoning):
            out[type(event), event.kind] += event.delta
        elif isinstance(event, Text | Refusal):
            out[type(event)] += event.delta
        elif isinstance(event, Tool):
            call = calls.setdefault(event.block, [None, None, ""])
            call[:] = [event.id or call[0], event.name or call[1], call[2] + event.delta]
        elif isinstance(event, Usage | End | Error):
            out[type(event)] = event
    return {**out, "calls": list(calls.values())}


def test_the_order_is_openais() -> None:
    usage = Usage(input=3, output=1, reasoning=2, cache_read=4)
    raw = wire([Start("s", "m", "h", "d", 0.0), Notice("served", {"model": "m-2"}), Text(0, "Hi"), usage, End("stop")])
    assert kinds(raw) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done", "completed",
    ]  # fmt: skip
    assert [f["sequence_number"] for f in frames(raw)] == list(range(9))
    assert [line[7:].decode() for line in raw.splitlines() if line.startswith(b"event: ")] == [f["type"] for f in frames(raw)]
    first, last = frames(raw)[0]["response"], frames(raw)[-1]["response"]
    assert (first["status"], first["output"], first["model"], first["usage"]) == ("in_progress", [], "m-2", None)
    assert (last["status"], last["id"], last["created_at"]) == ("completed", "resp_1", 1_700_000_000)
    assert last["output"] == [frames(raw)[-2]["item"]]
    assert last["output"][0]["content"] == [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}]
    assert last["usage"] == {
        "input_tokens": 7, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0}, "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 10,
    }  # fmt: skip


def test_reasoning_calls_and_refusals_have_events_of_their_own() -> None:
    raw = wire([Reasoning(0, "hm", "summary"), Reasoning(1, "aha"), Tool(2, "c", "f", "{}"), Refusal(3, "no"), End("tool")])
    assert kinds(raw)[2:-1] == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "output_item.done", "output_item.added", "content_part.added", "reasoning_text.delta",
        "reasoning_text.done", "content_part.done", "output_item.done", "output_item.added", "function_call_arguments.delta",
        "output_item.added", "content_part.added", "refusal.delta", "refusal.done", "content_part.done", "output_item.done",
        "function_call_arguments.done", "output_item.done",
    ]  # fmt: skip
    output = frames(raw)[-1]["response"]["output"]
    assert [i["type"] for i in output] == ["reasoning", "reasoning", "function_call", "message"]
    assert len({i["id"] for i in output}) == 4


def test_a_call_in_fragments_and_a_call_at_once() -> None:
    events = [Tool(3, "a", "f"), Tool(3, delta='{"x":1}'), Tool(3, "a", "f", done=True, arguments={"x": 1}),
              Tool(5, "b", "g", done=True, arguments={"y": 2}), Tool(7)]  # fmt: skip
    raw = wire([*events, End("tool")])
    calls = [(i["call_id"], i["name"], i["arguments"]) for i in frames(raw)[-1]["response"]["output"]]
    assert calls == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}'), ("call_2", "", "")]
    done = [f for f in frames(raw) if f["type"] == "response.function_call_arguments.done"]
    assert [(f["output_index"], f["arguments"]) for f in done[:2]] == [(0, '{"x":1}'), (1, '{"y":2}')]


def test_citations_belong_to_the_text_that_is_open() -> None:
    cited = Notice("citation", {"annotations": [{"type": "url_citation", "url": "u"}]})
    raw = wire([cited, Text(0, "a"), cited, End("stop")])
    assert kinds(raw).count("output_text.annotation.added") == 1
    assert frames(raw)[-1]["response"]["output"][0]["content"][0]["annotations"] == cited.data["annotations"]
    assert [e for e in back(raw) if e == cited] == [cited]


SEALED = {"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": "gAAA"}


def test_encrypted_reasoning_comes_through() -> None:
    assert Carry(0, SEALED) in back(wire([Carry(0, SEALED), Text(1, "a"), End("stop")]))
    raw = wire([Reasoning(0, "why", "summary"), Carry(0, SEALED), Text(1, "a"), End("stop")])
    reasoning, _ = frames(raw)[-1]["response"]["output"]
    assert (reasoning["encrypted_content"], reasoning["summary"]) == ("gAAA", [{"type": "summary_text", "text": "why"}])
    late = back(wire([Reasoning(0, "why"), Text(1, "a"), Carry(0, SEALED), Carry(0, {"type": "reasoning", "content": []}), End("stop")]))
    assert "".join(e.delta for e in late if isinstance(e, Reasoning)) == "why"
    assert [e.opaque["encrypted_content"] for e in late if isinstance(e, Carry) and "encrypted_content" in e.opaque] == ["gAAA"]


def test_what_has_no_place_gives_no_bytes() -> None:
    for event in (Start("s", "m", "h", "d", 0.0), Audio(0, "A"), Text(0, "a", choice=1), Notice("rate_limits", {}), Carry(0, {"x": 1})):
        assert wire([event]) == b""


@pytest.mark.parametrize(
    ("sent", "status", "read"),
    [
        (End("stop"), "completed", End("stop", "completed")),
        (End("length"), "incomplete", End("length", "max_output_tokens")),
        (End("filter"), "incomplete", End("filter", "content_filter")),
        (End("superseded"), "incomplete", End("superseded", "steered")),
        (End("cancelled"), "cancelled", End("cancelled", "cancelled")),
    ],
)
def test_ends(sent: End, status: str, read: End) -> None:
    raw = wire([Text(0, "a"), sent])
    assert frames(raw)[-1]["response"]["status"] == status
    assert back(raw)[-1] == read


def test_a_stream_cut_off_upstream_is_no_normal_end() -> None:
    read = back(wire([Text(0, "a"), End("truncated")]))[-1]
    assert isinstance(read, Error)
    assert read.code == "connection"


@pytest.mark.parametrize("code", get_args(ErrorCode))
def test_a_failure_comes_through_with_its_meaning(code: ErrorCode) -> None:
    raw = wire([Text(0, "a"), Error(code, "It broke.")])
    assert kinds(raw)[-2:] == ["error", "failed"]
    read = back(raw)[-1]
    assert isinstance(read, Error)
    assert (read.code, read.message) == (code, "It broke.")
    assert kinds(wire([Error(code, "It broke.")])) == ["created", "in_progress", "error", "failed"]


def test_a_response_repeats_its_request_and_is_the_answer_without_a_stream() -> None:
    server = ResponsesServer("resp_1", "m", 1, {"instructions": "be kind"})
    for event in (Text(0, "Hi"), Usage(input=1), End("stop")):
        server.encode(event)
    assert (server.response["instructions"], server.response["status"]) == ("be kind", "completed")
    assert [e.delta for e in back(json.dumps(server.response).encode()) if isinstance(e, Text)] == ["Hi"]


def sdk(raw: bytes) -> Any:
    httpx2, openai = pytest.importorskip("httpx2"), pytest.importorskip("openai")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    client = openai.OpenAI(api_key="none", base_url="http://sdk.test/v1", http_client=httpx2.Client(transport=transport), max_retries=0)
    with client, client.responses.stream(model="m", input="x") as stream:
        return stream.get_final_response()


def test_the_official_sdk_reads_it() -> None:
    usage = Usage(input=1, output=2, reasoning=3, cache_read=4, cache_write=5)
    tools = [Tool(2, "c", "f"), Tool(3, "d", "g", '{"b"'), Tool(2, delta='{"a":1}'), Tool(3, delta=":2}")]
    raw = wire(
        [Reasoning(0, "hm", "summary"), Reasoning(4, "so"), Text(1, "H"), Text(1, "i"), *tools, Text(5, " there"), usage, End("tool")]
    )
    final = sdk(raw)
    assert (final.output_text, final.status, final.model) == ("Hi there", "completed", "m")
    assert [(i.call_id, i.name, i.arguments) for i in final.output if i.type == "function_call"] == [
        ("c", "f", '{"a":1}'), ("d", "g", '{"b":2}')
    ]  # fmt: skip
    assert final.to_dict()["usage"] == frames(raw)[-1]["response"]["usage"]
    assert [i.status for i in final.output] == ["completed"] * 6


def test_every_frame_is_what_the_sdks_types_ask_for() -> None:
    """Validated strictly, which the SDK itself does not do."""
    pydantic = pytest.importorskip("pydantic")
    from openai.types.responses import ResponseStreamEvent

    adapter = pydantic.TypeAdapter(ResponseStreamEvent)
    events = [Reasoning(0, "hm", "summary"), Carry(0, SEALED), Reasoning(1, "so"), Text(2, "Hi"), Tool(3, "c", "f", "{}"), Refusal(4, "no")]
    for end in (End("stop"), End("length"), End("cancelled")):
        for frame in frames(wire([*events, Usage(input=1), end])):
            adapter.validate_python(frame)


def test_the_official_sdk_raises_what_failed() -> None:
    openai = pytest.importorskip("openai")
    with pytest.raises(openai.APIError, match=r"It broke\."):
        sdk(wire([Text(0, "a"), Error("overloaded", "It broke.")]))


def test_the_simulator_speaks_it() -> None:
    class Events(list[Event]):
        def now(self) -> int:
            return 0

        def emit(self, event: Event, at: int | None = None) -> None:
            self.append(event)

        def frame(self, data: bytes, at: int, direction: str = "in") -> None:
            pass

    events = Events()
    options = {"tokens": 9, "reasoning": "low", "ttft_ms": 0, "itl_ms": 0}
    request = parse({"model": "sim/reasoner", "prompt": "Why?", "dialect": "openai-responses", "options": options})
    asyncio.run(Sim().run(request, events))
    assert (sum(isinstance(e, Text) for e in events), sum(isinstance(e, Reasoning) for e in events)) == (9, 40)
    assert events[-2] == Usage(input=events[-2].input, cache_read=0, cache_write=0, output=9, reasoning=40)
    assert events[-1] == End("stop", "completed")


WORDS = st.text(st.characters() | st.sampled_from("\ud83d\u2028\r\n"), min_size=1, max_size=8)
COUNT = st.none() | st.integers(0, 1000)
CONTENT = st.one_of(
    st.builds(Text, st.integers(0, 1), WORDS),
    st.builds(Reasoning, st.integers(2, 3), WORDS, st.sampled_from(["full", "summary"])),
    st.builds(Refusal, st.just(4), WORDS),
    st.builds(lambda block, text: Tool(10 + block, delta=text), st.integers(0, 3), WORDS),
)


@given(
    st.lists(CONTENT, max_size=12),
    st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT),
    st.sampled_from(["stop", "length", "tool", "filter"]),
)
@settings(deadline=None)
def test_what_is_encoded_reads_back_the_same(body: list[Event], usage: Usage, reason: Any) -> None:
    seen: set[int] = set()
    events: list[Event] = []
    for event in body:
        if isinstance(event, Tool) and event.block not in seen:
            seen.add(event.block)
            events.append(Tool(event.block, f"id{event.block}", f"f{event.block}"))
        events.append(event)
    sent, read = content(events), content(back(wire([*events, usage, End(reason)])))
    end, counts = read.pop(End), read.pop(Usage, Usage())
    assert read == sent
    if reason in ("stop", "tool"):
        reason = "tool" if seen else "refusal" if Refusal in sent else "stop"
    assert end.reason == reason
    told = ("input", "cache_read", "cache_write", "output", "reasoning")
    assert [getattr(counts, f) or 0 for f in told] == [getattr(usage, f) or 0 for f in told]
