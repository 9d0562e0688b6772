"""A voice session held from Python: clips said, words and sound that come back, tools, interruption, its end. The voice is simulated."""

from __future__ import annotations

import asyncio
import math
import threading
from array import array
from collections.abc import Iterator
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, Notice, Speech
from tokenwidgets.portal import portal
from tokenwidgets.providers import sim
from tokenwidgets.realtime import calls
from tokenwidgets.realtime.clips import clip
from tokenwidgets.realtime.inputs import Input, ToolResult
from tokenwidgets.realtime.session import Session

LIMIT = 60
QUICK = {"ttft_ms": 5, "itl_ms": 1, "tokens": 4}
FRANCE, STOP = clip("france").clip, clip("stop").clip

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def session() -> Iterator[Session]:
    with tw.talk("sim/voice", options=QUICK) as held:
        yield held


def until_turns(session: Session, count: int) -> None:
    """Return when so many turns have ended."""
    reached = threading.Event()

    def look() -> None:
        if sum(bool(turn.status) for turn in session.turns) >= count:
            reached.set()

    session.result.watch(look)
    look()
    assert reached.wait(LIMIT), session.turns


def test_a_clip_is_heard_answered_and_timed(session: Session) -> None:
    turn = session.speak(FRANCE)
    assert turn.status == "completed"
    assert turn.heard
    assert turn.said
    assert turn.latency == sum(stage.us for stage in turn.stages) > 0
    assert session.heard.rate == FRANCE.rate
    assert session.heard.seconds >= FRANCE.seconds
    assert session.heard.pcm.startswith(FRANCE.pcm)
    assert session.said.pcm == session.sound_of(turn).pcm
    assert max(array("h", session.said.pcm)) > 1000, "the answer can be heard"
    assert session.words == [("user", turn.heard), ("assistant", turn.said)]
    assert session.latencies["in all"].tolist() == [pytest.approx(turn.latency / 1000)]


def test_a_pause_within_a_clip_makes_two_turns_of_which_the_last_one_counts(session: Session) -> None:
    turn = session.speak(STOP)
    assert session.heard.pcm.startswith(STOP.pcm)
    assert turn is not session.turns[0]
    assert [each.status for each in session.turns][-1] == "completed"


def test_a_turn_in_writing_is_answered_in_sound(session: Session) -> None:
    session.say("Good morning.")
    until_turns(session, 1)
    (turn,) = session.turns
    assert (turn.heard, turn.spoken, turn.status) == ("Good morning.", False, "completed")
    assert session.said.seconds > 0


def test_push_to_talk_ends_a_turn_when_it_is_told() -> None:
    with tw.talk("sim/voice", turn_detection="none", options=QUICK) as session:
        assert session.speak(STOP).status == "completed"
        assert not [e for e in session.result.journal.entries if isinstance(e.event, Speech) and e.event.state == "started"]


def test_an_answer_is_interrupted_and_says_so() -> None:
    with tw.talk("sim/voice", options={"ttft_ms": 5, "itl_ms": 40, "tokens": 400}) as session:
        sounding = threading.Event()
        session.result.watch(lambda: sounding.set() if session.said.pcm else None)
        session.say("Tell me everything.")
        assert sounding.wait(LIMIT)
        session.interrupt(session.turns[-1].block, 100)
        until_turns(session, 1)
        assert session.turns[0].status == "cancelled"


def test_a_session_ends_when_it_is_closed_and_takes_nothing_more(session: Session) -> None:
    session.say("Hello.")
    session.close()
    assert session.done
    assert session.result.finish_reason == "cancelled"
    with pytest.raises(Refused, match="has ended"):
        session.say("Anybody?")
    with pytest.raises(Refused, match="has ended"):
        session.speak(STOP)


def test_a_session_that_cannot_begin_says_why() -> None:
    session = tw.talk("deepseek/deepseek-v4-flash").wait(LIMIT)
    assert session.error
    assert "no voice sessions" in session.error.message
    with pytest.raises(Refused, match="no voice sessions"):
        session.say("Hello?")


@pytest.mark.parametrize("bad", [{"output": "video"}, {"colour": "red"}])
def test_a_setting_that_is_none_is_refused_at_once(bad: dict[str, str]) -> None:
    with pytest.raises(Refused, match="session"):
        tw.talk("sim/voice", **bad)


def test_sound_that_nobody_could_have_said_is_no_turn(session: Session) -> None:
    quiet = tw.Clip(bytes(2 * 16_000), 16_000)
    with pytest.raises(Refused, match="no answer within"):
        session.speak(quiet, timeout=2)
    assert session.turns == []


def test_a_session_is_recorded_and_replayed_with_its_sound(session: Session, tmp_path: object) -> None:
    session.speak(STOP)
    session.close()
    path = session.result.save(f"{tmp_path}/talk.jsonl")
    again = Session(tw.load(path))
    assert again.words == session.words
    assert again.said == session.said
    assert again.heard == session.heard
    assert any(isinstance(e.event, Audio) for e in again.result.journal.entries)


def test_what_a_session_is_stands_in_its_journal(session: Session) -> None:
    session.speak(STOP)
    told = [e.event.data for e in session.result.journal.entries if isinstance(e.event, Notice) and e.event.kind == "session"]
    assert told
    assert session.result.start.simulated


def test_an_answer_is_heard_out_before_the_next_clip_and_an_early_word_interrupts_it(session: Session) -> None:
    session.speak(FRANCE)
    session.speak(FRANCE)
    states = [e.event.state for e in session.result.journal.entries if isinstance(e.event, Speech)]
    assert "interrupted" not in states
    session.listen()
    session.say("Thank you.")
    until_turns(session, 3)
    session.say("One more thing.")
    until_turns(session, 4)
    states = [e.event.state for e in session.result.journal.entries if isinstance(e.event, Speech)]
    assert states.count("interrupted") == 1


def tone(seconds: float, rate: int = 16_000) -> tw.Clip:
    return tw.Clip(array("h", (int(9000 * math.sin(i * 0.12)) for i in range(int(seconds * rate)))).tobytes(), rate)


def test_each_turn_is_one_of_its_own(session: Session) -> None:
    first, second = session.speak(tone(0.6)), session.speak(tone(1.2))
    assert [turn.heard for turn in session.turns] == [first.heard, second.heard]
    assert first.block != second.block


# ---- tools


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[ToolResult]:
    """The results that sessions with tools gave."""
    results: list[ToolResult] = []
    give = Session._give

    async def spied(self: Session, *inputs: Input) -> None:
        results.extend(each for each in inputs if isinstance(each, ToolResult))
        await give(self, *inputs)

    monkeypatch.setattr(Session, "_give", spied)
    return results


def calling(*tools: Any) -> Session:
    """A session with a voice that calls the first tool."""
    return tw.talk(tw.voice("sim/voice", thinks="sim/tool-caller"), output="text", tools=tools, options=QUICK)


def test_a_function_is_called_in_this_kernel_and_its_value_answers(given: list[ToolResult]) -> None:
    asked: list[str] = []

    def weather(city: str) -> dict[str, Any]:
        """The weather in a city."""
        asked.append(f"{city} in {threading.current_thread().name}")
        return {"sky": "clear"}

    with calling(weather) as session:
        session.say("How is the weather?")
        until_turns(session, 2)
        assert [turn.calls for turn in session.turns] == [["weather"], []]
        assert session.turns[-1].said
        session.say("And now?")
        until_turns(session, 4)
    assert len(asked) == 2
    assert [(each.output, each.respond) for each in given] == [('{"sky": "clear"}', True)] * 2


def test_what_a_function_raises_is_told_to_the_model_and_the_session_goes_on(given: list[ToolResult]) -> None:
    async def weather(city: str) -> str:
        raise ValueError(f"no sky over {city}")

    with calling(weather) as session:
        session.say("How is the weather?")
        until_turns(session, 2)
        assert not session.done
    assert given[0].output.startswith("Error: ValueError: no sky over")


def test_calls_without_end_are_not_carried_out_without_end(given: list[ToolResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim, "_calls", lambda request: bool(request.tools))  # whatever the result
    monkeypatch.setattr(calls, "ROUNDS", 3)
    asked: list[str] = []

    def weather(city: str) -> str:
        asked.append(city)
        return "?"

    with calling(weather) as session:
        session.say("How is the weather?")
        until_turns(session, 4)
        portal().run(drained(session))
        assert len(asked) == 3
        assert [each.respond for each in given] == [True] * 3 + [False]
        session.say("And now?")
        until_turns(session, 6)
        assert len(asked) > 3


async def drained(session: Session) -> None:
    """Return when what was to be carried out is."""
    while session._calls.tasks:
        await asyncio.wait(set(session._calls.tasks))


def test_a_function_that_waits_is_given_up_with_its_session(given: list[ToolResult]) -> None:
    called, ended = threading.Event(), threading.Event()

    async def weather(city: str) -> str:
        called.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    with calling(weather) as session:
        session.say("How is the weather?")
        assert called.wait(LIMIT)
    assert ended.wait(LIMIT)
    assert given == []


# ---- any loop


def sounding(session: Session) -> threading.Event:
    """Set when the user is heard to speak."""
    heard = threading.Event()
    session.result.watch(
        lambda: (
            heard.set() if any(isinstance(e.event, Speech) and e.event.state == "started" for e in session.result.journal.entries) else None
        )
    )
    return heard


async def test_speaking_is_awaited_in_any_loop(session: Session) -> None:
    turn, beside = await asyncio.gather(session.speaking(tone(0.3)), asyncio.sleep(0, "beside"))
    assert (turn.status, beside) == ("completed", "beside")


async def test_who_stops_waiting_falls_silent_and_the_session_goes_on(session: Session) -> None:
    heard = sounding(session)
    speaking = asyncio.ensure_future(session.speaking(tone(20)))
    assert await asyncio.to_thread(heard.wait, LIMIT)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert not session.done
    turn = await session.speaking(tone(0.3))
    assert turn.status == "completed"
    assert len(session.turns) == 1, "what was not a turn yet is forgotten"
    assert session.heard.seconds < 15
