from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import ANY, NASTY, bytewise, done, ends_once, read, shaped, text

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.gemini import Gemini
from tokenwidgets.dialects.gemini_calls import PartialArguments, steps
from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, Carry, End, Error, Event, Notice, Reasoning, Text, Tool, Usage
from tokenwidgets.request import Request, parse

GEMINI = Gemini()


def data(*payloads: Any) -> bytes:
    return b"".join(
        b"data: %b\r\n\r\n" % (p.encode("utf-8", "surrogatepass") if isinstance(p, str) else json.dumps(p).encode()) for p in payloads
    )


def chunk(*parts: Any, finish: str | None = None, index: int = 0, **candidate: Any) -> dict[str, Any]:
    reason = {"finishReason": finish} if finish else {}
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "index": index, **reason, **candidate}]}


def words(text: str, **fields: Any) -> dict[str, Any]:
    return {"text": text, **fields}


def call(name: str = "f", args: Any = None, **fields: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **({} if args is None else {"args": args})}, **fields}


def piece(*patches: dict[str, Any], goes_on: bool = True, **fields: Any) -> dict[str, Any]:
    return chunk({"functionCall": {"partialArgs": list(patches), **({"willContinue": True} if goes_on else {}), **fields}})


def patch(path: str, goes_on: bool = False, **value: Any) -> dict[str, Any]:
    return {"jsonPath": path, **value, **({"willContinue": True} if goes_on else {})}


def stream(*payloads: Any) -> list[Event]:
    return read("gemini", data(*payloads))


def body(request: Request) -> dict[str, Any]:
    return json.loads(GEMINI.encode(request, Profile()).body)


def asked(model: str = "h/gemini-3-flash", **fields: Any) -> dict[str, Any]:
    return body(parse({"model": model, **({} if "messages" in fields else {"prompt": "hi"}), **fields}))


# --- the request ---


def test_a_plain_request() -> None:
    sent = GEMINI.encode(parse({"model": "google/gemini-3-flash", "prompt": "grüße"}), Profile())
    assert json.loads(sent.body) == {"contents": [{"role": "user", "parts": [{"text": "grüße"}]}]}
    assert sent.path == "/models/gemini-3-flash:streamGenerateContent?alt=sse"
    assert GEMINI.headers("k") == {"x-goog-api-key": "k"}
    assert GEMINI.headers(None) == {}
    assert "k" not in sent.headers
    assert dialects.get("gemini").name == "gemini"


@pytest.mark.parametrize(
    ("name", "path"),
    [("models/a", "models/a"), ("tunedModels/b", "tunedModels/b"), ("a?key=1", "models/a%3Fkey%3D1"), ("é:x", "models/%C3%A9%3Ax")],
)
def test_the_models_name_is_a_path_and_nothing_else(name: str, path: str) -> None:
    sent = GEMINI.encode(parse({"model": f"g/{name}", "prompt": "x"}), Profile())
    assert sent.path == f"/{path}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("name", ["../x", "models/../../x", "a//b", "."])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="Gemini model"):
        GEMINI.encode(parse({"model": f"g/{name}", "prompt": "x"}), Profile())


def test_instructions_options_and_tools_have_its_names() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object", "additionalProperties": False}}
    sent = asked(
        system="a",
        messages=[{"role": "system", "content": "b"}, {"role": "user", "content": "hi"}],
        tools=[{"type": "function", "function": function}, {"type": "function", "function": {"name": "g"}}, {"googleSearch": {}}],
        options={"max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "stop": "x", "seed": 7},
    )
    assert sent["systemInstruction"] == {"parts": [{"text": "a\n\nb"}]}
    assert sent["generationConfig"] == {"maxOutputTokens": 5, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"], "seed": 7}
    declared = [{"name": "f", "description": "d", "parametersJsonSchema": function["parameters"]}, {"name": "g"}]
    assert sent["tools"] == [{"functionDeclarations": declared}, {"googleSearch": {}}]


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", "odd", {"thinkingBudget": 8192, "includeThoughts": True}),
        ("models/gemini-2.5-pro", "max", {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-3-flash-preview", "medium", {"thinkingLevel": "medium", "includeThoughts": True}),
        ("gemini-flash-latest", "off", {"thinkingLevel": "minimal", "includeThoughts": False}),
        ("gemini-3.1-pro", "max", {"thinkingLevel": "high", "includeThoughts": True}),
    ],
)
def test_effort_is_asked_for_in_the_models_style(model: str, effort: str, config: dict[str, Any]) -> None:
    assert asked(f"g/{model}", options={"reasoning": effort})["generationConfig"] == {"thinkingConfig": config}


def test_a_host_that_takes_no_effort_is_not_asked_for_it() -> None:
    request = parse({"model": "g/m", "prompt": "hi", "options": {"reasoning": "high"}})
    assert "generationConfig" not in json.loads(GEMINI.encode(request, Profile(reasoning_style="none")).body)


def test_extra_fields_win_but_never_change_what_is_asked() -> None:
    extra = {"contents": [], "model": "x", "safetySettings": [1], "generationConfig": {"topK": 3, "temperature": 1}}
    sent = asked(options={"temperature": 0, "max_tokens": 9, "extra": extra})
    assert sent["generationConfig"] == {"maxOutputTokens": 9, "temperature": 1, "topK": 3}
    assert (sent["safetySettings"], len(sent["contents"]), "model" in sent) == ([1], 1, False)


def test_images_sound_and_files_become_parts() -> None:
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"type": "image_url", "image_url": "https://x.test/a.jpg?x=1"},
        {"type": "image_url", "image_url": "gs://bucket/a"},
        {"type": "image_url", "image_url": "https://[x/a.b/c"},
        {"type": "file", "file": {"file_data": "data:;base64,JVBE"}},
    ]
    (content,) = asked(messages=[{"role": "user", "content": parts}])["contents"]
    assert content["parts"] == [
        {"text": "look"},
        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
        {"fileData": {"fileUri": "https://x.test/a.jpg?x=1", "mimeType": "image/jpeg"}},
        {"fileData": {"fileUri": "gs://bucket/a"}},
        {"fileData": {"fileUri": "https://[x/a.b/c"}},
        {"inlineData": {"mimeType": "application/octet-stream", "data": "JVBE"}},
    ]


def test_a_tool_turn() -> None:
    calls = [{"id": i, "function": {"name": n, "arguments": a}} for i, n, a in (("a", "f", '{"x":1}'), ("b", "g", ""))]
    history = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "b", "content": '{"t": 20}'},
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
        {"role": "tool", "tool_call_id": "lost", "name": "h", "content": "[1]"},
    ]
    _, model, user = asked(messages=history)["contents"]
    assert model == {
        "role": "model",
        "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}, {"functionCall": {"name": "g", "args": {}}}],
    }
    assert user == {"role": "user", "parts": [
        {"functionResponse": {"name": "g", "response": {"t": 20}}},
        {"functionResponse": {"name": "f", "response": {"output": "sunny"}}},
        {"functionResponse": {"name": "h", "response": {"output": "[1]"}}},
    ]}  # fmt: skip


# --- what is carried, there and back ---


def message_of(events: list[Event]) -> dict[str, Any]:
    """The assistant's message as a caller puts it together."""
    calls = [{"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a, _ in done(events)]
    return {"role": "assistant", "content": text(events), "tool_calls": calls, "carry": [e.opaque for e in events if isinstance(e, Carry)]}


SIGNED = {"thoughtSignature": "c2ln"}


@pytest.mark.parametrize(
    "parts",
    [
        [words("a"), call(args={"x": 1})],
        [words("a"), call(args={"x": 1}, **SIGNED), call("g", {})],
        [words("a", **SIGNED), words("b")],
        [words("a"), words("", **SIGNED)],
        [words("a"), {"functionCall": {"name": "f", "args": {}, "id": "theirs"}, **SIGNED}],
        [{"executableCode": {"code": "1"}, **SIGNED}, {"codeExecutionResult": {"output": "1"}}, words("a")],
        [words("hm", thought=True, **SIGNED), words("a")],
        [words("a"), {"inlineData": {"mimeType": "image/png", "data": "iVBO"}, **SIGNED}],
        [words("a"), SIGNED],
    ],
)
def test_content_goes_back_as_it_came_and_in_its_order(parts: list[dict[str, Any]]) -> None:
    events = stream(chunk(words("hm", thought=True), *parts[:1]), chunk(*parts[1:]), chunk(words(""), finish="STOP"))
    sent = asked(messages=[{"role": "user", "content": "hi"}, message_of(events)])["contents"][1]["parts"]
    assert sent == parts


def test_pieces_of_text_are_one_part_and_thoughts_stay_here() -> None:
    events = stream(chunk(words("h", thought=True)), chunk(words("a")), chunk(words("b")), chunk(words("", **SIGNED), finish="STOP"))
    assert [e for e in events if isinstance(e, Carry)] == [Carry(1, {"text": "ab"}), Carry(1, {"text": "", **SIGNED})]


def test_without_a_signature_nothing_is_carried() -> None:
    events = stream(chunk(words("a"), call()), chunk(finish="STOP"))
    assert not [e for e in events if isinstance(e, Carry)]


def test_a_result_names_the_call_by_the_id_that_google_gave() -> None:
    given = stream(chunk({"functionCall": {"name": "f", "id": "theirs"}, **SIGNED}, call("g"), finish="STOP"), {"responseId": "r"})
    message = message_of(given)
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "x"} for c in message["tool_calls"]]
    sent = asked(messages=[message, *results])["contents"][1]["parts"]
    assert [p["functionResponse"].get("id") for p in sent] == ["theirs", None]
    assert [p["functionResponse"]["name"] for p in sent] == ["f", "g"]


def test_calls_that_are_not_carried_follow_and_what_another_format_left_is_not_sent() -> None:
    calls = [{"id": i, "function": {"name": n}} for i, n in (("1", "f"), ("2", "g"))]
    foreign = [{"type": "thinking", "signature": "s"}, {"reasoning_details": []}]
    message = {"role": "assistant", "content": "a", "tool_calls": calls, "carry": [*foreign, call(args={}, **SIGNED)]}
    assert asked(messages=[message])["contents"][0]["parts"] == [call(args={}, **SIGNED), call("g", {})]
    assert asked(messages=[{**message, "carry": foreign}])["contents"][0]["parts"] == [words("a"), call(args={}), call("g", {})]


# --- text, thoughts, calls ---


def test_a_plain_answer() -> None:
    counts = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    events = stream(
        {**chunk(words("Hel")), "modelVersion": "m", "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}},
        {**chunk(words("lo"), finish="STOP"), "modelVersion": "m", "usageMetadata": counts},
    )
    assert events == [Notice("served", {"model": "m"}), Text(0, "Hel"), Text(0, "lo"), Usage(input=3, output=2), End("stop", "STOP")]
    assert "".join(e.delta for e in events if isinstance(e, Text)) == "Hello"


def test_events_come_with_their_bytes_and_the_end_with_the_bodys() -> None:
    decoder = GEMINI.decoder(Profile())
    assert decoder.feed(data(chunk(words("a")))) == [Text(0, "a")]
    assert not decoder.finishing
    assert decoder.feed(data(chunk(words(""), finish="STOP"))) == []
    assert decoder.finishing
    assert not decoder.done
    assert decoder.close() == [End("stop", "STOP")]
    assert decoder.done
    assert decoder.feed(data(chunk(words("late")))) == decoder.close() == []


def test_thoughts_are_summaries_and_blocks_follow_their_kind() -> None:
    events = stream(
        chunk(words("h", thought=True)), chunk(words("m", thought=True), words("a")), chunk(words("x", thought=True), finish="STOP")
    )
    assert events[:-1] == [Reasoning(0, "h", "summary"), Reasoning(0, "m", "summary"), Text(1, "a"), Reasoning(2, "x", "summary")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "filter"), ("RECITATION", "filter"), ("BLOCKLIST", "filter"),
        ("PROHIBITED_CONTENT", "filter"), ("SPII", "filter"), ("IMAGE_SAFETY", "filter"), ("MODEL_ARMOR", "filter"), ("LANGUAGE", "filter"),
        ("CONTINUATION", "pause"), ("TOO_MANY_TOOL_CALLS", "length"), ("OTHER", "stop"), ("NEW_REASON", "stop"),
    ],
)  # fmt: skip
def test_ends(raw: str, reason: Any) -> None:
    assert stream(chunk(words("a"), finish=raw))[-1] == End(reason, raw)


@pytest.mark.parametrize(
    ("raw", "code", "retryable"),
    [("MALFORMED_FUNCTION_CALL", "internal", True), ("UNEXPECTED_TOOL_CALL", "internal", True), ("MALFORMED_RESPONSE", "internal", True),
     ("MISSING_THOUGHT_SIGNATURE", "bad_request", False)],
)  # fmt: skip
def test_finish_reasons_that_are_failures_keep_text_and_usage(raw: str, code: str, retryable: bool) -> None:
    events = stream({**chunk(words("a"), finish=raw, finishMessage="why"), "usageMetadata": {"promptTokenCount": 1}})
    assert events[:3] == [Text(0, "a"), Notice("moderation", {"finishMessage": "why"}), Usage(input=1)]
    assert (failed(events).code, failed(events).retryable) == (code, retryable)


def test_without_a_finish_reason_it_was_cut() -> None:
    counts = {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1}}
    assert stream({**chunk(words("a")), **counts})[1:] == [Usage(input=1, output=1, mode="cumulative"), End("truncated")]
    assert stream(chunk(words("a"), finish="FINISH_REASON_UNSPECIFIED"))[-1] == End("truncated")
    assert read("gemini", b"[" + json.dumps(chunk(words("a"))).encode() + b"]")[-1] == End("truncated")


def test_a_prompt_that_is_blocked() -> None:
    feedback = {"blockReason": "SAFETY", "safetyRatings": [{"category": "x", "blocked": True}]}
    events = stream({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}})
    assert events == [Notice("moderation", {"promptFeedback": feedback}), Usage(input=4), End("filter", "SAFETY")]


def test_ratings_are_told_when_they_block() -> None:
    harmless, blocked = [{"category": "x", "probability": "NEGLIGIBLE"}], [{"category": "x", "blocked": True}]
    events = stream(chunk(words("a"), safetyRatings=harmless), chunk(finish="SAFETY", safetyRatings=blocked))
    assert [e for e in events if isinstance(e, Notice)] == [Notice("moderation", {"safetyRatings": blocked})]


def test_sources_are_told_once() -> None:
    metadata = {"groundingChunks": [1]}
    events = stream(
        chunk(words("a"), groundingMetadata={}), chunk(groundingMetadata=metadata), chunk(finish="STOP", groundingMetadata=metadata)
    )
    assert [e for e in events if isinstance(e, Notice)] == [Notice("citation", {"groundingMetadata": metadata})]


def test_a_whole_call() -> None:
    events = stream({**chunk(call(args={"x": "é"})), "responseId": "r1"}, chunk(words(""), finish="STOP"))
    assert events == [
        Tool(0, "call_r1_0", "f", '{"x": "é"}'), Tool(0, "call_r1_0", "f", done=True, arguments={"x": "é"}), End("tool", "STOP"),
    ]  # fmt: skip


def test_parallel_calls_have_ids_of_their_own() -> None:
    events = stream(chunk(call(args={"x": 1}), call(), {"functionCall": {"id": "theirs", "name": "g"}}, finish="STOP"))
    assert done(events) == [("call_0", "f", {"x": 1}, False), ("call_1", "f", {}, False), ("theirs", "g", {}, False)]


def test_arguments_in_patches() -> None:
    events = stream(
        chunk({"functionCall": {"name": "f", "willContinue": True}}),
        piece(patch("$.a", stringValue="Bos", goes_on=True)),
        piece(patch("$.a", stringValue="ton"), patch("$.b[0].c", numberValue=2.0), patch("$['d e']", boolValue=True)),
        piece(patch("$.b[1]", nullValue="NULL_VALUE"), patch('$["x"].y', numberValue=1.5)),
        chunk({"functionCall": {}}, finish="STOP"),
    )
    value = {"a": "Boston", "b": [{"c": 2}, None], "d e": True, "x": {"y": 1.5}}
    assert done(events) == [("call_0", "f", value, False)]
    assert json.loads("".join(e.delta for e in events if isinstance(e, Tool))) == value
    assert events[0] == Tool(0, "call_0", "f")


HEAD = chunk({"functionCall": {"name": "f", "willContinue": True}})


@pytest.mark.parametrize(
    ("payloads", "expected"),
    [
        ([HEAD, piece(patch("$.a", numberValue=1)), chunk(finish="STOP")], ({"a": 1}, False)),  # no closing part
        ([HEAD, piece(patch("$.a", numberValue=1), goes_on=False), chunk(finish="STOP")], ({"a": 1}, False)),
        ([HEAD, piece(patch("$.a", numberValue=1)), chunk(call("g"), finish="STOP")], ({"a": 1}, False)),
        ([HEAD, chunk(finish="STOP")], ({}, False)),
        ([HEAD, piece(patch("$.a", numberValue=1))], (None, True)),
        ([HEAD, piece(patch("$.a", numberValue=1)), chunk(finish="MAX_TOKENS")], (None, True)),
        ([HEAD, piece(patch("$.a", stringValue="x", goes_on=True)), chunk({"functionCall": {}}, finish="STOP")], (None, True)),
        ([HEAD, piece(patch("a", numberValue=1)), chunk({"functionCall": {}}, finish="STOP")], (None, True)),
        ([HEAD, piece(patch("$.a[5]", numberValue=1)), chunk({"functionCall": {}}, finish="STOP")], (None, True)),
        ([HEAD, piece(patch("$.a")), chunk({"functionCall": {}}, finish="STOP")], (None, True)),
        ([HEAD, piece(patch("$.a", numberValue=1), patch("$.a.b", numberValue=1)), chunk(finish="STOP")], (None, True)),
    ],
)
def test_patched_arguments_are_whole_or_marked(payloads: list[Any], expected: tuple[Any, bool]) -> None:
    assert done(stream(*payloads))[0][2:] == expected


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.a.b[0].c", ["a", "b", 0, "c"]), ("$['a b'][\"c\"]", ["a b", "c"]), (r"$['it\'s']", ["it's"]), ("$.é", ["é"]), ("$['']", [""]),
        ("$", []), ("", []), ("a", []), ("$.a[*]", []), ("$..a", []), ("$.a[-1]", []), ("$.a b", ["a b"]), ("$" + ".a" * 200, []),
    ],
)  # fmt: skip
def test_paths(path: str, found: list[Any]) -> None:
    assert steps(path) == found


def test_a_text_that_is_not_continued_is_replaced() -> None:
    arguments = PartialArguments()
    for value in ("a", "b"):
        arguments.patch(patch("$.x", stringValue=value))
    assert (arguments.value, arguments.complete) == ({"x": "b"}, True)


def test_sound_images_and_work_of_its_tools() -> None:
    sound = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=16000", "data": "UklG"}}
    plain = {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}
    image, code = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}, {"executableCode": {"code": "1"}}
    events = stream(chunk(sound, plain, image, code, {"hologram": {}}, 5, finish="STOP"))
    assert events[:4] == [
        Audio(0, "UklG", rate=16_000), Audio(0, "AAAA", rate=24_000), Notice("media", {"block": 1, **image}),
        Notice("server_tool", {"block": 2, **code}),
    ]  # fmt: skip


def test_several_candidates() -> None:
    decoder = GEMINI.decoder(Profile())
    events = decoder.feed(data(chunk(words("a")), chunk(words("b"), index=1), chunk(finish="STOP")))
    assert not decoder.finishing
    events += decoder.feed(data(chunk(call(args={}), index=1, finish="STOP")))
    assert decoder.finishing
    assert events[:2] == [Text(0, "a"), Text(1, "b", choice=1)]
    assert events[-1] == Notice("finish", {"choice": 1, "reason": "tool", "raw": "STOP"})
    assert decoder.close() == [End("stop", "STOP")]


# --- usage ---


def usage(*counts: dict[str, Any]) -> Usage:
    payloads = [{**chunk(finish="STOP" if i == len(counts) - 1 else None), "usageMetadata": c} for i, c in enumerate(counts)]
    (found,) = (e for e in stream(*payloads) if isinstance(e, Usage))
    return found


def test_counts_are_made_disjoint() -> None:
    assert usage({
        "promptTokenCount": 100, "cachedContentTokenCount": 30, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 50,
        "thoughtsTokenCount": 15, "totalTokenCount": 172, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}], "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}],
    }) == Usage(input=62, cache_read=30, output=41, reasoning=15, audio_in=15, audio_out=9)  # fmt: skip


def test_the_last_object_replaces_all_others_even_if_it_is_smaller() -> None:
    assert usage({"promptTokenCount": 9, "candidatesTokenCount": 8}, {"promptTokenCount": 7}) == Usage(input=7)
    assert usage({"promptTokenCount": 9}, {"trafficType": "ON_DEMAND"}) == Usage(input=9)


@pytest.mark.parametrize("count", ["7", -1, True, 10**400, [1], 1.5])
def test_counts_that_are_none_are_not_given(count: Any) -> None:
    assert not any(isinstance(e, Usage) for e in stream({**chunk(finish="STOP"), "usageMetadata": {"promptTokenCount": count}}))


# --- errors ---

UNAVAILABLE = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def failed(events: list[Event]) -> Error:
    ends_once(events)
    assert isinstance(events[-1], Error)
    return events[-1]


@pytest.mark.parametrize(
    "raw",
    [
        data(UNAVAILABLE),
        data(chunk(words("a")), UNAVAILABLE),
        data(chunk(words("a"), finish="STOP"), UNAVAILABLE),
        data([UNAVAILABLE]),
        json.dumps(UNAVAILABLE).encode(),
        json.dumps(UNAVAILABLE, indent=2).replace("\n", "\r\n").encode(),
        json.dumps([UNAVAILABLE], indent=2).encode(),
        data(chunk(words("a"))) + json.dumps(UNAVAILABLE, indent=2).encode(),
        b"[" + json.dumps(chunk(words("a")), indent=1).encode() + b"\n,\r\n" + json.dumps(UNAVAILABLE, indent=1).encode(),
        b"event: error\n" + data(UNAVAILABLE["error"]),
    ],
)
def test_an_error_is_found_wherever_it_stands(raw: bytes) -> None:
    assert failed(read("gemini", raw)) == Error("overloaded", "The model is overloaded.", retryable=True)
    assert failed(read("gemini", *bytewise(raw))) == Error("overloaded", "The model is overloaded.", retryable=True)


@pytest.mark.parametrize(
    ("status", "word", "code", "retryable"),
    [
        (400, "INVALID_ARGUMENT", "bad_request", False), (401, "UNAUTHENTICATED", "auth", False), (403, "PERMISSION_DENIED", "auth", False),
        (404, "NOT_FOUND", "not_found", False), (429, "RESOURCE_EXHAUSTED", "rate_limited", True), (500, "INTERNAL", "internal", True),
        (503, "UNAVAILABLE", "overloaded", True), (504, "DEADLINE_EXCEEDED", "timeout", True),
        (400, "FAILED_PRECONDITION", "bad_request", False),
    ],
)  # fmt: skip
def test_its_words_become_ours(status: int, word: str, code: str, retryable: bool) -> None:
    fault = {"error": {"code": status, "message": "m", "status": word}}
    for error in (failed(stream(chunk(words("a")), fault)), GEMINI.failure(status, {}, json.dumps(fault).encode())):
        assert (error.code, error.retryable, error.message) == (code, retryable, "m")


def test_what_only_the_details_tell() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}]
    spent = {"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED", "details": details}}
    assert GEMINI.failure(429, {}, json.dumps(spent).encode()).retry_after == 34.07
    assert GEMINI.failure(429, {"retry-after": "5"}, json.dumps([spent]).encode()).retry_after == 5
    assert failed(stream(spent)).retry_after == 34.07
    wrong = {
        "error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}
    }
    assert GEMINI.failure(400, {}, json.dumps(wrong).encode()).code == "auth"
    long = {"error": {"code": 400, "status": "INVALID_ARGUMENT",
                      "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}  # fmt: skip
    assert GEMINI.failure(400, {}, json.dumps(long).encode()).code == "context_length"
    assert GEMINI.failure(502, {}, b"<html>").code == "internal"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "nothing"),
        (b"[]", "nothing"),
        (b"<!DOCTYPE html>\n<html>secret</html>", "HTML: is the base URL right?"),
        (b'{"status": "ok"}', "JSON with the fields status"),
        (b"[1, 2]", "text: 1, 2"),
        (b"data: hello\r\n\r\n", "no JSON: hello"),
    ],
)
def test_what_came_instead_of_a_stream_is_said(raw: bytes, said: str) -> None:
    error = failed(read("gemini", raw))
    assert error.code == "protocol"
    assert said in error.message
    assert "<" not in error.message


def test_a_hole_in_the_answer_is_an_error_and_a_torn_end_is_not() -> None:
    assert failed(stream(chunk(words("a")), '{"candidates": [', chunk(finish="STOP"))).code == "protocol"
    assert failed(read("gemini", b'[{"candidates": []}, {"a" 1}]')).code == "protocol"
    assert read("gemini", data(chunk(words("a"))) + b'data: {"candi')[-1] == End("truncated")
    assert read("gemini", data(chunk(words("a")))[:-4])[-1] == End("truncated")
    assert read("gemini", data(chunk(words("a"), finish="STOP"))[:-4])[-1] == End("stop", "STOP")


def test_the_end_of_an_array_is_the_end() -> None:
    decoder = GEMINI.decoder(Profile())
    raw = b"[" + json.dumps(chunk(words("a"), finish="STOP")).encode()
    assert decoder.feed(raw) == [Text(0, "a")]
    assert decoder.feed(b"\n]") == [End("stop", "STOP")]
    assert decoder.close() == []


# --- any bytes ---


def check(raw: bytes, *chunks: bytes) -> None:
    events = read("gemini", *(chunks or (raw,)))
    ends_once(events)
    assert read("gemini", *bytewise(raw)) == events


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b" ", b"\r\n", b"{", b"[{", b"}]", b'{"error": 1}', b"data: "]), max_size=6))
@settings(deadline=None)
def test_random_bytes_end_in_one_event(chunks: list[bytes]) -> None:
    check(b"".join(chunks), *chunks)


PATCH = shaped({
    "jsonPath": st.sampled_from(["$.a", "$.a.b", "$.a[0]", "$[0]", "$['a']", "$", "$.a[0][1]"]), "stringValue": ANY, "numberValue": ANY,
    "boolValue": ANY, "nullValue": ANY, "willContinue": st.booleans(),
})  # fmt: skip
FUNCTION = shaped({"name": ANY, "id": ANY, "args": ANY, "willContinue": st.booleans(), "partialArgs": st.lists(PATCH, max_size=3)})
PART = shaped({
    "text": ANY, "thought": st.booleans(), "thoughtSignature": ANY, "functionCall": FUNCTION, "executableCode": ANY,
    "inlineData": shaped({"mimeType": st.sampled_from(["audio/pcm", "image/png"]), "data": ANY}),
})  # fmt: skip
CANDIDATE = shaped({
    "content": shaped({"parts": st.lists(PART, max_size=3)}), "index": st.integers(0, 2), "finishReason": ANY, "safetyRatings": ANY,
    "groundingMetadata": ANY, "finishMessage": ANY,
})  # fmt: skip
DETAIL = st.lists(shaped({"modality": st.just("AUDIO"), "tokenCount": ANY}), max_size=2)
COUNTS = shaped({"promptTokenCount": ANY, "candidatesTokenCount": ANY, "promptTokensDetails": DETAIL, "candidatesTokensDetails": DETAIL})
PAYLOAD = shaped({
    "candidates": st.lists(CANDIDATE, max_size=2), "usageMetadata": COUNTS, "modelVersion": ANY, "responseId": ANY, "error": ANY,
    "promptFeedback": shaped({"blockReason": ANY}),
})  # fmt: skip


@given(st.lists(PAYLOAD | ANY, max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_wrong_types_anywhere_end_in_one_event(payloads: list[Any], array: bool) -> None:
    check(json.dumps(payloads).encode() if array else data(*payloads))


@pytest.mark.parametrize("nasty", NASTY)
def test_nasty_payloads(nasty: str) -> None:
    for raw in (data(nasty), data(chunk(words("a"))) + data(nasty), nasty.encode(), b"[" + nasty.encode()):
        ends_once(read("gemini", raw))


# --- head and catalogue ---


def test_catalogues() -> None:
    listed = {"models": [
        {"name": "models/gemini-a", "displayName": "A", "inputTokenLimit": 8, "outputTokenLimit": 4,
         "supportedGenerationMethods": ["generateContent", "countTokens"]},
        {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]}, {"name": "tunedModels/b"}, {"name": ""}, 7,
    ]}  # fmt: skip
    assert GEMINI.models(json.dumps(listed).encode()) == [
        {"id": "gemini-a", "name": "A", "context": 8, "max_output": 4, "capabilities": ["text"]}, {"id": "tunedModels/b"},
    ]  # fmt: skip
    for raw in (b"", b"<html>", b"{}", b"null", b'{"models": 5}', b"\xff"):
        assert GEMINI.models(raw) == []
    assert GEMINI.head({"server-timing": "gfet4t7; dur=1"}) == []
