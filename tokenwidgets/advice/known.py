"""What advice knows without these calls: what a use asks for, and facts about transports and hosts, each with its source. Data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..comparison import TRANSPORT_WORDS
from ..errors import Refused
from ..providers.hosts import BUILT_IN

TURN_US = 200_000
"""How long people who talk leave between their turns, µs (Stivers et al. 2009, doi 10.1073/pnas.0903616106)."""

FRAME_US = 16_667
"""How long a page shows one picture at 60 a second, µs: whoever looks sees no difference below it."""


@dataclass(frozen=True, slots=True)
class Use:
    """What an answer is for.

    Parameters
    ----------
    name : of the use.
    title : what happens, in words.
    by : the one figure that decides; empty for the one that the comparison was made by.
    why : it is that one.
    looked_at : whether somebody looks on, so that nothing shorter than a frame of a page counts.
    transports : that it asks about, where none was compared.
    workload : of `tw.compare`, that is nearer to it than single calls; empty where there is none.
    """

    name: str
    title: str
    by: str
    why: str
    looked_at: bool
    transports: tuple[str, ...] = ()
    workload: str = ""


USES: Mapping[str, Use] = {use.name: use for use in (
    Use("general", "by the figure that the comparison was made by", "", "", looked_at=False),
    Use("chat", "a person reads the answer while it is written", "time_to_first_output_token",
        "A reader waits for the first word of the answer; what comes faster than it is read makes no difference", looked_at=True),
    Use("agent", "a program asks, carries out calls, and asks again", "request_latency",
        "A program goes on when the answer is whole, so each turn costs its whole time", looked_at=False, workload="tool-loop"),
    Use("voice", "a person talks with the answer", "time_to_first_output_token",
        "Speech can begin with the first words of the answer", looked_at=True, transports=("ws", "webrtc")),
    Use("broadcast", "many read one answer at once", "time_to_first_output_token",
        "All readers wait for the same first word", looked_at=True, transports=("sse", "ws", "webrtc")),
    Use("batch", "nobody waits for one answer", "output_token_throughput",
        "Of work in bulk the time a token counts, or what it costs", looked_at=False, workload="closed-loop"),
    Use("notebook", "a cell shows the answer", "time_to_first_token",
        "In a cell the first sign of life counts, be it reasoning or answer", looked_at=True, transports=("comm", "sse", "ws", "webrtc")),
)}  # fmt: skip


def use(name: str) -> Use:
    """The use called `name`.

    Raises
    ------
    Refused : there is none.
    """
    if name not in USES:
        raise Refused("bad_request", f"There is no advice for {name!r}: it can be had for {', '.join(USES)}.")
    return USES[name]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a comparison was about, as far as facts need it.

    Parameters
    ----------
    use : the name of what advice is for.
    transports : that were compared, or that the use asks about.
    hosts : that were called, each with the provider that answered behind it, empty where it answers itself.
    dialects : in which they were called.
    """

    use: str
    transports: tuple[str, ...]
    hosts: tuple[tuple[str, str], ...]
    dialects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known, and when it is to be said.

    Parameters
    ----------
    name : of the fact.
    uses : it matters for; none for all.
    about : what of the comparison it concerns, in words; nothing where it does not.
    sentence : the fact, with `{}` for what it is about.
    source : who says so.
    """

    name: str
    uses: tuple[str, ...]
    about: Callable[[Asked], Sequence[str]]
    sentence: str
    source: str

    def told(self, asked: Asked) -> str:
        """The sentence, where it is to be said; else nothing."""
        names = self.about(asked) if not self.uses or asked.use in self.uses else ()
        return self.sentence.replace("{}", _listed(names)) if names else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _over(*transports: str) -> Callable[[Asked], Sequence[str]]:
    return lambda asked: [TRANSPORT_WORDS[name] for name in transports if name in asked.transports]


def _billing(told: str) -> Callable[[Asked], Sequence[str]]:
    """The hosts of which it is told that closing a connection stops the bill, that it does not, or nothing."""
    return lambda asked: [
        f"{provider} through {host}" if provider else host
        for host, provider in asked.hosts
        if host in BUILT_IN and BUILT_IN[host].billing(provider) == told
    ]


def _socket_hosts(asked: Asked) -> Sequence[str]:
    return [host for host, _ in asked.hosts if host in BUILT_IN and "openai-responses-ws" in BUILT_IN[host].dialects]


_STOPPED = ("general", "chat", "agent", "voice")
"""Uses in which answers are stopped before their end."""

_DATA_CHANNELS = ("webrtc", "webrtc-ordered", "webrtc-unordered")

FACTS = (
    Fact("six_connections", ("general", "chat", "broadcast", "notebook"), _over("sse"),
         "A browser opens six HTTP/1.1 connections to a host, and each open stream over {} holds one; a WebSocket is not among them.",
         "WHATWG HTML 9.2, authoring notes; developer.mozilla.org, EventSource"),
    Fact("buffering", (), _over("sse"),
         "A proxy that buffers or compresses answers can hold back a stream over {} to its end.",
         "jupyterhub/jupyter-server-proxy#479"),
    Fact("udp", (), _over(*_DATA_CHANNELS),
         "{} needs UDP between the page and the server; JupyterHub, Binder and Colab let HTTP and WebSockets through, and no UDP.",
         "RFC 8831, RFC 8445; gradio-app/fastrtc#17"),
    Fact("opening", (), _over(*_DATA_CHANNELS),
         "{} takes about 150 ms to open on one machine, and further round trips on a longer path, before it brings its first token; "
         "opened ahead of time it costs no answer anything.",
         "RFC 8445, RFC 8831; 150 to 225 ms from offer to open in Chromium 156 with aiortc 1.16, tokenwidgets' own trials, 2026-11-22"),
    Fact("head_of_line", (), _over("sse", "ws", "webrtc-ordered", "webrtc-unordered"),
         "On a path that loses packets, what is read in order waits until what was lost has been sent again, over TCP and over a reliable "
         "data channel: that concerns {}, and shows only where packets are lost.",
         "Li et al. 2024, arXiv 2401.12961; RFC 8831"),
    Fact("redundancy", (), _over("webrtc"),
         "Over {} each message repeats the events that were not acknowledged yet, so that a lost packet costs the time to the next token "
         "and no round trip; that shows only where packets are lost.",
         "Li et al. 2024, arXiv 2401.12961; tokenwidgets/wire/redundancy.py"),
    Fact("one_call", ("broadcast",), _over("sse", "ws", *_DATA_CHANNELS),
         "All readers of one stream here share one call of the provider, so a further one over {} costs nothing there.",
         "ARCHITECTURE.md: a stream is a resource with a journal"),
    Fact("comm_limit", ("notebook",), _over("comm"),
         "Over {} everything passes the kernel's messages, of which Jupyter drops those beyond 1,000 a second for a kernel.",
         "jupyter-server, iopub_msg_rate_limit"),
    Fact("microphone", ("voice",), lambda asked: ["VS Code"],
         "A notebook in {} has no microphone; a page of a Jupyter server over https or on localhost has.",
         "microsoft/vscode#119127"),
    Fact("turns", ("voice",), lambda asked: ["People"],
         "{} who talk leave about 200 ms between their turns.", "Stivers et al. 2009, doi 10.1073/pnas.0903616106"),
    Fact("responses_websocket", ("general", "agent"), _socket_hosts,
         "{} can be called over a WebSocket that stays open, which sends only what is new in a turn: 4.6 times fewer bytes in ten turns of "
         "a tool loop. Its hosts promise up to 40 % (OpenAI) and 20 % (xAI) less time in chains of 20 calls and more; one turn shows "
         "nothing of it.",
         "benchmarks/results/responses_websocket.md; developers.openai.com/api/docs/guides/websocket-mode; "
         "docs.x.ai/developers/advanced-api-usage/websocket-mode"),
    Fact("stop_stops_bill", _STOPPED, _billing("yes"),
         "To stop an answer stops its bill at {}.", "openrouter.ai/docs/api/reference/streaming"),
    Fact("stop_bills_on", _STOPPED, _billing("no"),
         "To stop an answer does not stop its bill at {}: it is generated, and billed, to its end.",
         "openrouter.ai/docs/api/reference/streaming"),
    Fact("stop_unknown", _STOPPED, _billing("unknown"),
         "Whether stopping an answer stops its bill is not documented for {}.", "tokenwidgets' list of hosts, providers/hosts.py"),
)  # fmt: skip
