"""Every recorded message stream, read by us and by Anthropic's own SDK from the same bytes."""

from __future__ import annotations

import json
from typing import Any

import fixtures
import pytest
from streams import content, cut_places, damaged, done, ends_once, read, same_in_any_chunking, text, thought

from tokenwidgets.events import Carry, End, Event, Notice, Usage

fixtures.need()
httpx2 = pytest.importorskip("httpx2")
anthropic = pytest.importorskip("anthropic")

RECORDINGS = [*fixtures.names("anthropic", api="messages"), *fixtures.names("anthropic", api="messages (beta)")]
CUT_CALL = "anthropic/max-tokens-partial-tool-json.sse"
SPLICED = "anthropic/spliced-message-start.jsonl"
SEVERAL_RUNS = ("anthropic/advisor.sonnet-5.sse", "anthropic/compaction.sonnet-4-6.sse")


def body(name: str) -> bytes:
    """The response body; payloads whose framing was stripped get back what the SDK insists on, the event's name."""
    raw = (fixtures.ROOT / name).read_bytes()
    if not name.endswith(".jsonl"):
        return raw
    return b"".join(b"event: %b\ndata: %b\n\n" % (json.loads(line)["type"].encode(), line) for line in raw.splitlines())


def ours(name: str) -> list[Event]:
    return read("anthropic-messages", body(name))


def theirs(raw: bytes) -> Any:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(api_key="none", base_url="http://sdk.test", http_client=http, max_retries=0) as client,
        client.beta.messages.stream(model="m", max_tokens=1, messages=[]) as stream,
    ):
        return stream.get_final_message()


def last_usage(events: list[Event]) -> Usage:
    return [e for e in events if isinstance(e, Usage)][-1]


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 15


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n != SPLICED])
def test_we_read_what_the_sdk_reads(name: str) -> None:
    events, final = ours(name), theirs(body(name))
    assert text(events) == "".join(b.text for b in final.content if b.type == "text")
    assert thought(events) == "".join(b.thinking for b in final.content if b.type == "thinking")
    assert [(i, n) for i, n, *_ in done(events)] == [(b.id, b.name) for b in final.content if b.type == "tool_use"]
    assert isinstance(events[-1], End)
    assert events[-1].raw == final.stop_reason
    if name != CUT_CALL:
        assert [arguments for *_, arguments, _ in done(events)] == [b.input for b in final.content if b.type == "tool_use"]
    if name not in SEVERAL_RUNS:
        usage = last_usage(events)
        assert (usage.input, usage.cache_read, usage.cache_write, usage.generated, usage.mode) == (
            final.usage.input_tokens, final.usage.cache_read_input_tokens, final.usage.cache_creation_input_tokens,
            final.usage.output_tokens, "final",
        )  # fmt: skip


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n != SPLICED])
def test_what_is_carried_is_what_the_sdk_holds(name: str) -> None:
    """Blocks as the SDK would send them back. Not compared: a text of blanks, which the API refuses to take back, and `None` fields."""
    held = {i: b.to_dict() for i, b in enumerate(theirs(body(name)).content)}
    carried = [e for e in ours(name) if isinstance(e, Carry)]
    for event in carried:
        assert event.opaque == {k: v for k, v in held[event.block].items() if v is not None or k in event.opaque}
    opaque = [i for i, b in held.items() if b["type"] not in ("text", "tool_use")]
    assert set(opaque) <= {e.block for e in carried}
    assert [e.block for e in carried] == sorted(e.block for e in carried)


def test_a_call_that_was_cut_is_marked_where_the_sdk_repairs_it() -> None:
    """The SDK closes the brackets of half a list, so that a tool could run on half of its input."""
    ((_, name, arguments, invalid),) = done(ours(CUT_CALL))
    (block,) = (b for b in theirs(body(CUT_CALL)).content if b.type == "tool_use")
    assert (name, arguments, invalid) == ("make_file", None, True)
    assert block.input["filename"] == "taxes.txt"
    assert ours(CUT_CALL)[-1] == End("length", "max_tokens")


def test_a_second_start_begins_a_new_message_where_the_sdk_mixes_the_two() -> None:
    """Keyed by index alone, the SDK's pieces of the second message go to the blocks of the first."""
    assert [b.input for b in theirs(body(SPLICED)).content if b.type == "tool_use"] == [{"value": "Spark{"}, {}]
    first, second = done(ours(SPLICED))
    assert first == ("toolu_first", "test-tool", None, True)
    assert second == ("toolu_second", "test-tool", {"value": "Sparkle Day"}, False)
    assert ours(SPLICED)[-1] == End("tool", "tool_use")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anthropic/advisor.sonnet-5.sse", Usage(input=4954, cache_read=0, cache_write=0, output=116, reasoning=47)),
        ("anthropic/compaction.sonnet-4-6.sse", Usage(input=281, cache_read=55096, cache_write=0, output=91)),
        ("anthropic/thinking-tool-use.haiku-4-5.sse", Usage(input=598, cache_read=0, cache_write=0, output=39, reasoning=53)),
    ],
)
def test_usage_is_disjoint_and_the_sum_over_all_iterations(name: str, expected: Usage) -> None:
    """What an advisor or a compaction processed was billed; the SDK gives the counts beside the iterations, which leave it out."""
    assert last_usage(ours(name)) == expected
    theirs_said = theirs(body(name)).usage
    assert (theirs_said.output_tokens == expected.generated) == (name not in SEVERAL_RUNS)


def test_what_servers_tools_did_is_told() -> None:
    told = [e.data["type"] for n in RECORDINGS for e in ours(n) if isinstance(e, Notice) and e.kind == "server_tool"]
    assert sorted(told) == sorted([
        "server_tool_use", "advisor_tool_result", "server_tool_use", "tool_search_tool_result", "mcp_tool_use",
        "mcp_tool_result", "compaction",
    ])  # fmt: skip
    (asked,) = (e for e in ours("anthropic/mcp.sonnet-4-5.sse") if isinstance(e, Notice) and e.data.get("type") == "mcp_tool_use")
    assert asked.data["input"]["repoName"] == "pydantic/pydantic-ai"


@pytest.mark.parametrize("name", RECORDINGS)
def test_any_chunking_gives_the_same_events(name: str) -> None:
    same_in_any_chunking("anthropic-messages", body(name))


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_stream_cut_anywhere_ends_once_and_keeps_what_came(name: str) -> None:
    raw, whole = body(name), content(ours(name))
    stopped = raw.index(b'"stop_reason":"')
    for cut in cut_places(raw, b"\n\n"):
        events = read("anthropic-messages", raw[:cut])
        ends_once(events)
        assert whole["text"].startswith(text(events))
        if raw.index(b"\n\n") + 2 <= cut <= stopped:
            assert events[-1] == End("truncated")
        assert all(invalid == (arguments is None) for *_, arguments, invalid in done(events))


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_damaged_stream_ends_once(name: str) -> None:
    for raw in damaged(body(name), name):
        ends_once(read("anthropic-messages", raw))


def test_headers_of_recordings_are_read() -> None:
    from tokenwidgets.dialects.anthropic_messages import AnthropicMessages

    headers = fixtures.meta("anthropic/adaptive-thinking.opus-4-6.sse")["response"]["headers"]
    (notice,) = AnthropicMessages().head(headers)
    assert notice.data["limit_requests"] == 4000
    assert notice.data["remaining_requests"] == 3999
    assert notice.data["limit_input_tokens"] == 2_000_000
    assert notice.data["reset_tokens"] == 0.0


def test_a_recorded_failure() -> None:
    from tokenwidgets.dialects.anthropic_messages import AnthropicMessages

    recorded = fixtures.failure("anthropic-404.json")
    error = AnthropicMessages().failure(recorded["status"], recorded["headers"], json.dumps(recorded["body"]).encode())
    assert (error.code, error.message, error.retryable) == ("not_found", "model: claude-sonet-4-5", False)
