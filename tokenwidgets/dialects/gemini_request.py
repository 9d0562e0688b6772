"""From our request to the body of Gemini's generateContent (wire-formats section 5.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import Refused
from ..request import Request
from . import messages
from .base import Profile
from .messages import Part, Words
from .untrusted import mapping, parse, string

_NAMES = {"max_tokens": "maxOutputTokens", "temperature": "temperature", "top_p": "topP", "seed": "seed"}

_FIXED = ("model", "contents", "messages", "stream")
"""What `options.extra` cannot change."""

_BUDGET_MODELS = re.compile(r"gemini-(?:1|2|robotics-er-1)")
"""Models before Gemini 3: they think within a budget of tokens, the later ones at a level (ai.google.dev/gemini-api/docs/thinking)."""

_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576, "ultra": 24_576}
"""Tokens of thinking for each effort, as Google maps OpenAI's efforts (ai.google.dev/gemini-api/docs/openai); others count as medium."""

_LEVELS = {"none": "minimal", "off": "minimal", "max": "high", "ultra": "high"}
"""Other words for the levels; thinking cannot be switched off at a level."""

_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
"""OpenAI's words for `tool_choice`."""

_PARTS = frozenset({
    "text", "functionCall", "inlineData", "fileData", "executableCode", "codeExecutionResult", "toolCall", "toolResponse",
    "thoughtSignature",
})  # fmt: skip
"""What a carried part of this format holds; what a stream of another format left to be carried is not sent."""


_MIMES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic",
    "pdf": "application/pdf", "txt": "text/plain", "wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac",
    "mp4": "video/mp4", "webm": "video/webm",
}  # fmt: skip
"""Types of files that are named by their address; without one Google looks itself."""


def body(request: Request, profile: Profile) -> dict[str, Any]:
    """The body of the streaming call.

    A `generationConfig` in `options.extra` is put over ours field by field.

    Raises
    ------
    Refused : an option or a message cannot be said in this format.
    """
    options, extra = request.options, request.options.get("extra", {})
    if options.get("parallel_tool_calls") is False:
        raise Refused("bad_request", "Gemini's format cannot forbid parallel calls: leave 'parallel_tool_calls' out.")
    out: dict[str, Any] = {"contents": _Contents().of(messages.conversation(request))}
    if system := messages.system(request):
        out["systemInstruction"] = {"parts": [{"text": system}]}
    if request.tools:
        out["tools"] = _tools(request)
    if "tool_choice" in options:
        out["toolConfig"] = {"functionCallingConfig": _tool_choice(options["tool_choice"])}
    out |= {k: v for k, v in extra.items() if k not in _FIXED}
    config = {**_config(request, profile), **mapping(extra.get("generationConfig"))}
    return out | ({"generationConfig": config} if config else {})


def _config(request: Request, profile: Profile) -> dict[str, Any]:
    options = request.options
    config: dict[str, Any] = {theirs: options[ours] for ours, theirs in _NAMES.items() if ours in options}
    if "stop" in options:
        config["stopSequences"] = messages.stops(options["stop"])
    if "reasoning" in options and profile.reasoning_style != "none":
        config["thinkingConfig"] = _thinking(request.name, options["reasoning"])
    return config | _format(options.get("response_format", {}))


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The form of the answer. The schema travels as JSON Schema, like a function's; it has no name here."""
    if wanted.get("type", "text") == "text":
        return {}
    schema = {"responseJsonSchema": wanted["json_schema"]["schema"]} if "json_schema" in wanted else {}
    return {"responseMimeType": "application/json", **schema}


def _thinking(model: str, effort: str) -> dict[str, Any]:
    """How much to think; what was thought comes as summaries, when any of it comes."""
    off = effort in ("none", "off")
    if _BUDGET_MODELS.search(model):
        budget = 0 if off else _BUDGETS.get(effort, _BUDGETS["medium"])
        return {"thinkingBudget": budget, "includeThoughts": not off}
    return {"thinkingLevel": _LEVELS.get(effort, effort), "includeThoughts": not off}


def _tools(request: Request) -> list[dict[str, Any]]:
    """Functions as one tool, Google's own tools as they were given."""
    functions = [(tool, messages.function(tool)) for tool in request.tools]
    declared = [_declaration(f) for _, f in functions if f is not None]
    own = [dict(tool) for tool, f in functions if f is None]
    return ([{"functionDeclarations": declared}] if declared else []) + own


def _declaration(function: Mapping[str, Any]) -> dict[str, Any]:
    """The schema travels as JSON Schema: Google's own `parameters` takes only a part of it."""
    out = {k: function[k] for k in ("name", "description") if function.get(k) is not None}
    return out | ({"parametersJsonSchema": function["parameters"]} if function.get("parameters") else {})


def _tool_choice(choice: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"mode": _MODES[choice]}
    return {"mode": "ANY", "allowedFunctionNames": [choice["function"]["name"]]}


class _Contents:
    """Messages in, turns out.

    A result names its function, and its call's id where Google gave one; both are known from the call.
    """

    def __init__(self) -> None:
        self._called: dict[str, tuple[str, str]] = {}

    def of(self, conversation: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Turns that alternate: the results of parallel calls belong into one."""
        out: list[dict[str, Any]] = []
        for message in conversation:
            role = "model" if message.get("role") == "assistant" else "user"
            parts = self._parts(message)
            if out and out[-1]["role"] == role:
                out[-1]["parts"] += parts
            elif parts:
                out.append({"role": role, "parts": parts})
        return out

    def _parts(self, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        if message.get("role") == "assistant":
            return self._assistant(message)
        if message.get("role") == "tool":
            return [self._result(message)]
        return [_part(part) for part in messages.parts(message.get("content"))]

    def _assistant(self, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What is carried is the whole content, as it was; calls and text that it does not hold follow it."""
        carried = [dict(p) for p in messages.carried(message) if _PARTS & p.keys()]
        before = [mapping(p["functionCall"]) for p in carried if "functionCall" in p]
        calls = messages.calls(message)
        for call, known in zip(calls, before, strict=False):
            self._called[call.id] = (string(known.get("name")), string(known.get("id")))
        later = calls[len(before) :]
        self._called |= {call.id: (call.name, "") for call in later}
        text = [] if carried else [_part(part) for part in messages.parts(message.get("content"))]
        return [*carried, *text, *({"functionCall": {"name": c.name, "args": c.arguments}} for c in later)]

    def _result(self, message: Mapping[str, Any]) -> dict[str, Any]:
        call_id = string(message.get("tool_call_id"))
        name, theirs = self._called.get(call_id, (string(message.get("name")) or call_id, ""))
        response: dict[str, Any] = {"name": name, "response": tool_response(messages.plain(message.get("content")))}
        return {"functionResponse": {"id": theirs, **response} if theirs else response}


def tool_response(text: str) -> Mapping[str, Any]:
    """A result that is a JSON object as it is, any other as its `output`."""
    try:
        value = parse(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"output": text}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Words):
        return {"text": part.text}
    if part.url:
        mime = _MIMES.get(messages.extension(part.url))
        return {"fileData": {"fileUri": part.url, **({"mimeType": mime} if mime else {})}}
    return {"inlineData": {"mimeType": part.mime or "application/octet-stream", "data": part.data}}
