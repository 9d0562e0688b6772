"""The sound of a voice session over WebRTC: an aiortc peer against the real endpoints, and OpenAI's calls."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import queue
import re
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import aioice.ice
import av
import httpx
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.mediastreams import MediaStreamError
from gateway_tools import async_openai_of
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from server_tools import LIMIT, Access, Caller, eventually

from jupyter_server_ext.app import TokenWidgetsApp
from jupyter_server_ext.handlers.peer_audio import PeerAudio
from tokenwidgets.events import Audio, Event, Notice, Speech, Transcript
from tokenwidgets.generation import Stream
from tokenwidgets.journal import Journal
from tokenwidgets.realtime.inputs import Interrupt
from tokenwidgets.realtime.peer_tracks import Ordered
from tokenwidgets.realtime.settings import RATE

EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

SAMPLES = 960
"""20 ms at 48 kHz."""

LOUD = 1000
"""A sample as large as this is no noise of the codec's."""


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that run tests may have no network interface: loopback is a path for WebRTC here."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


class Microphone(MediaStreamTrack):
    """Silence, in real time, and speech where a test asks for it."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.speaking = False
        self._sent = 0
        self._began = 0.0

    async def recv(self) -> av.AudioFrame:
        now = asyncio.get_running_loop().time()
        self._began = self._began or now
        await asyncio.sleep(self._began + self._sent / 48_000 - now)
        frame = av.AudioFrame("s16", "mono", SAMPLES)
        tone = (round(12_000 * math.sin((self._sent + i) / 20)) if self.speaking else 0 for i in range(SAMPLES))
        frame.planes[0].update(array("h", tone).tobytes())
        frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), self._sent
        self._sent += SAMPLES
        return frame


class Phone:
    """A page's side: a microphone, a loudspeaker, and a data channel."""

    def __init__(self, label: str) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channel = self.peer.createDataChannel(label)
        self.microphone = Microphone()
        self.peer.addTrack(self.microphone)
        self.events: list[Any] = []
        self.heard = 0
        self.level = 0
        self._news = asyncio.Event()
        self.channel.on("message", self._message)
        self.peer.on("track", lambda track: asyncio.ensure_future(self._listen(track)))

    def _message(self, message: str) -> None:
        self.events.append(json.loads(message))
        self._news.set()

    async def _listen(self, track: Any) -> None:
        try:
            while True:
                frame = await track.recv()
                self.level = max(abs(x) for x in array("h", bytes(frame.planes[0])[: 4 * frame.samples]))
                self.heard += self.level > LOUD
        except MediaStreamError:
            self.level = 0

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def accept(self, sdp: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    def send(self, **event: Any) -> None:
        self.channel.send(json.dumps(event))

    async def until(self, kind: str, after: int = 0) -> Any:
        """The first event of a kind behind so many."""
        async with asyncio.timeout(LIMIT):
            while not (found := [e for e in self.events[after:] if e["type"] == kind]):
                self._news.clear()
                await self._news.wait()
        return found[0]


@asynccontextmanager
async def phone(label: str = "streams") -> AsyncIterator[Phone]:
    made = Phone(label)
    try:
        yield made
    finally:
        await made.peer.close()


async def session_of(app: TokenWidgetsApp, caller: Caller, **session: Any) -> Stream:
    return app.hub.get(await caller.start({"model": "sim/voice", "session": session}), "server")


def speech(stream: Stream, state: str) -> list[Speech]:
    return [e.event for e in stream.journal.entries if isinstance(e.event, Speech) and e.event.state == state]


def turns(stream: Stream) -> list[str]:
    return [e.event.data["status"] for e in stream.journal.entries if isinstance(e.event, Notice) and e.event.kind == "turn"]


async def test_microphone_and_answer_are_tracks_of_a_session(access: Access, app: TokenWidgetsApp) -> None:
    async with Caller(access) as caller, phone() as page:
        stream = await session_of(app, caller)
        answer = await caller.call("POST", "rtc", {"sdp": await page.offer(), "type": "offer", "stream": stream.id})
        assert answer.status_code == 200, answer.text
        await page.accept(answer.json()["sdp"])
        await eventually(lambda: any(isinstance(e.event, Audio) for e in stream.journal.entries), "no sound came")
        assert page.heard == 0, "nothing sounds before the answer"
        page.microphone.speaking = True
        await eventually(lambda: bool(speech(stream, "started")), "nobody heard that somebody speaks")
        page.microphone.speaking = False
        await eventually(lambda: page.heard > 5, "no answer sounded")
        assert len(speech(stream, "stopped")) == 1

        await page.peer.close()
        await eventually(lambda: len(app.rtc) == 0, "the peer stayed")
        assert stream.running, "a page that comes back finds its session"
        await app.hub.stop(stream)


async def test_speech_ends_what_sounds_and_the_session_learns_how_much_was_heard(
    access: Access, app: TokenWidgetsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Any] = []
    take = Stream.take
    monkeypatch.setattr(Stream, "take", lambda self, given: (taken.append(given), take(self, given))[1])
    async with Caller(access) as caller, phone() as page:
        stream = await session_of(app, caller)
        answer = await caller.call("POST", "rtc", {"sdp": await page.offer(), "type": "offer", "stream": stream.id})
        await page.accept(answer.json()["sdp"])
        await caller.call("POST", f"streams/{stream.id}/input", {"inputs": [{"type": "text", "text": "Hello."}]})
        await eventually(lambda: page.heard > 5, "no answer sounded")
        page.microphone.speaking = True
        await eventually(lambda: bool(speech(stream, "interrupted")), "nothing was interrupted")
        await eventually(lambda: page.level < LOUD, "it went on")
        (cut,) = [given for given in taken if isinstance(given, Interrupt)]
        sound = [e.event for e in stream.journal.entries if isinstance(e.event, Audio) and e.event.role == "assistant"]
        whole = sum(len(s.delta) * 3 // 4 for s in sound) / 48
        assert cut.block == sound[0].block
        assert cut.played_ms is not None
        assert 0 < cut.played_ms < whole, "only a part of it was heard"
        await app.hub.stop(stream)
        await eventually(lambda: len(app.rtc) == 0, "the peer outlived its session")


async def loudness(track: MediaStreamTrack) -> int:
    """Of what a track of the server's sends next, 200 ms."""
    frames = [await track.recv() for _ in range(10)]
    return max(abs(x) for frame in frames for x in array("h", bytes(frame.planes[0])[: 2 * frame.samples]))


def spoken(block: int) -> Audio:
    """100 ms of an answer."""
    return Audio(block, base64.b64encode(array("h", [12_000] * (RATE // 10)).tobytes()).decode(), rate=RATE)


@pytest.mark.parametrize("before", [spoken(1), Transcript(1, "assistant", "Well, ")], ids=["sound", "words"])
async def test_sound_of_an_interrupted_answer_that_comes_late_is_not_sent(before: Event) -> None:
    """A provider that is told of an interrupt has more of the answer on its way."""
    journal, peer = Journal(), RTCPeerConnection(RTCConfiguration(iceServers=[]))
    stream: Any = SimpleNamespace(journal=journal, running=True, attached=lambda transport: nullcontext())
    audio = PeerAudio(peer, stream, lambda sound: None, lambda: None)
    track = peer.getSenders()[0].track
    journal.append(before, 0)
    await asyncio.sleep(0.05)
    for event in (Speech("interrupted"), spoken(1), Notice("turn", {"status": "cancelled"}), spoken(1)):
        journal.append(event, 0)
    await asyncio.sleep(0.05)
    assert await loudness(track) < LOUD, "it spoke on"
    journal.append(spoken(2), 0)
    await asyncio.sleep(0.05)
    assert await loudness(track) > LOUD, "the next answer is another"
    audio.close()
    await peer.close()


async def test_what_is_no_voice_session_has_no_sound(access: Access, app: TokenWidgetsApp) -> None:
    async with Caller(access) as caller, phone() as page:
        written = await caller.start({"model": "sim/steady", "prompt": "hello", "options": {"tokens": 3, "ttft_ms": 0, "itl_ms": 0}})
        offer = await page.offer()
        refused = await caller.call("POST", "rtc", {"sdp": offer, "type": "offer", "stream": written})
        assert (refused.status_code, "voice session" in refused.text) == (400, True)
        unknown = await caller.call("POST", "rtc", {"sdp": offer, "type": "offer", "stream": "nothing"})
        assert unknown.status_code == 404
        stream = await session_of(app, caller)
        silent = re.sub(r"m=audio.*?(?=m=application)", "", offer, flags=re.DOTALL)
        refused = await caller.call("POST", "rtc", {"sdp": silent, "type": "offer", "stream": stream.id})
        assert (refused.status_code, "audio track" in refused.text) == (400, True)
        await app.hub.stop(stream)


@asynccontextmanager
async def called(access: Access, how: str) -> AsyncIterator[tuple[Phone, httpx.Response]]:
    """A call as a page makes it with a client secret, and a server with the key."""
    async with phone("oai-events") as page, async_openai_of(access) as client:
        session: Any = {"type": "realtime", "model": "sim/voice"}
        if how == "form":
            made = await client.realtime.calls.with_raw_response.create(sdp=await page.offer(), session=session)
            answer: Any = made.http_response
        else:
            key = (await client.realtime.client_secrets.create(session=session)).value
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/sdp"}
            async with httpx.AsyncClient(timeout=LIMIT, trust_env=False) as http:
                url = f"{access.url}tokenwidgets/v1/realtime/calls"
                answer = await http.post(url, content=await page.offer(), headers=headers)
        assert answer.status_code == 201, answer.text
        await page.accept(answer.text)
        yield page, answer


@pytest.mark.parametrize("how", ["form", "client secret"])
async def test_a_call_of_openai_s_kind(access: Access, app: TokenWidgetsApp, how: str) -> None:
    async with called(access, how) as (page, _):
        await page.until("session.created")
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
        page.send(type="conversation.item.create", item=item)
        page.send(type="response.create")
        started = await page.until("output_audio_buffer.started")
        done = await page.until("response.done")
        assert started["response_id"] == done["response"]["id"]
        await eventually(lambda: page.heard > 5, "no answer sounded")
        page.send(type="output_audio_buffer.clear")
        await page.until("output_audio_buffer.cleared")
        assert (await page.until("conversation.item.truncated"))["item_id"] == done["response"]["output"][0]["id"]
        assert "response.output_audio.delta" not in {e["type"] for e in page.events}, "sound is on the track"
        for event in page.events:
            assert EVENT.validate_python(event).type == event["type"]
        page.send(type="input_audio_buffer.append", audio="AAAA")
        assert "input_audio_buffer.append" in (await page.until("error"))["error"]["message"]
        page.microphone.speaking = True
        await page.until("input_audio_buffer.speech_started")
    await eventually(lambda: app.hub.running == 0 and len(app.rtc) == 0, "the call outlived its client")


async def test_hanging_up(access: Access, app: TokenWidgetsApp) -> None:
    async with called(access, "form") as (page, answer), async_openai_of(access) as client:
        await page.until("session.created")
        call = answer.headers["Location"].rsplit("/", 1)[1]
        assert re.fullmatch(r".*/v1/realtime/calls/rtc_[\w-]+", answer.headers["Location"])
        await client.realtime.calls.hangup(call)
        await eventually(lambda: app.hub.running == 0 and len(app.rtc) == 0, "it went on")


async def test_a_call_that_cannot_be_answered_leaves_no_session(access: Access, app: TokenWidgetsApp) -> None:
    async with Caller(access) as caller:
        headers = {"Content-Type": "application/sdp"}
        refused = await caller.http.post(
            "tokenwidgets/v1/realtime/calls?model=sim/voice", content="v=0 m=audio a=candidate:", headers=headers
        )
        assert refused.status_code == 400
        text_only = await caller.http.post("tokenwidgets/v1/realtime/calls?model=sim/steady", content="v=0 m=audio", headers=headers)
        assert "voice" in text_only.json()["error"]["message"]
    await eventually(lambda: app.hub.running == 0 and len(app.rtc) == 0, "something stayed")


def test_a_lost_packet_is_made_up_for_and_what_was_held_goes_on_at_once() -> None:
    """Of real packets of Opus, through what stands in for the receiver of a track, into the real decoder."""
    encoder, decoder = OpusEncoder(), OpusDecoder()
    receiver = SimpleNamespace(
        _RTCRtpReceiver__codecs={96: "opus"},
        _RTCRtpReceiver__decoder_queue=queue.SimpleQueue(),
        _RTCRtpReceiver__timestamp_mapper=SimpleNamespace(map=lambda timestamp: timestamp),
    )
    Ordered.install(receiver)
    came: list[list[int]] = []
    sound: list[int] = []
    for n in range(10):
        frame = av.AudioFrame("s16", "mono", SAMPLES)
        frame.planes[0].update(array("h", (round(12_000 * math.sin((n * SAMPLES + i) / 20)) for i in range(SAMPLES))).tobytes())
        frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), n * SAMPLES
        (data,), timestamp = encoder.encode(frame)
        if n in (4, 5):
            continue
        packet = SimpleNamespace(sequence_number=(65_533 + n) % 65_536, timestamp=timestamp, payload_type=96, _data=data)
        _, last = receiver._RTCRtpReceiver__jitter_buffer.add(packet)
        frames = [receiver._RTCRtpReceiver__decoder_queue.get()[1] for _ in range(receiver._RTCRtpReceiver__decoder_queue.qsize())]
        frames += [last] if last else []
        came.append([f.timestamp // SAMPLES for f in frames])
        for decoded in (d for f in frames for d in decoder.decode(f)):
            sound.append(max(abs(x) for x in array("h", bytes(decoded.planes[0])[: 4 * decoded.samples])))
    assert came == [[0], [1], [2], [3], [], [4, 5, 6, 7], [8], [9]]
    assert len(sound) == 10
    assert min(sound) > LOUD, "the gap sounds on"


async def test_aiortc_s_receivers_can_be_given_that_buffer() -> None:
    """They have no way to take one: it needs what they call their own."""
    assert {f"_RTCRtpReceiver__{name}" for name in ("jitter_buffer", "codecs", "decoder_queue", "timestamp_mapper")} <= set(
        vars(RTCPeerConnection().addTransceiver("audio").receiver)
    )
