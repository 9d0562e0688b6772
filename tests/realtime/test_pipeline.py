"""Voice from parts: turns, answers, interruptions, and what the text model is told of them."""

from __future__ import annotations

import asyncio
import base64

import pytest
from desk import HEARD, WORD_MS, Desk, Ears, Mind, Mouth, said, silence, tone

from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, End, Error, Notice, Speech, Text, Tool, Transcript, Usage
from tokenwidgets.journal import JournalFull
from tokenwidgets.realtime.inputs import Clear, Commit, Interrupt, Respond, Say, Sound, ToolResult, Update

LONG = [Text(0, word) for word in ("One two three four five, ", "six seven eight nine ten, ", "and so on and so on and so on and on. ")]


async def test_a_spoken_turn_is_heard_answered_and_spoken():
    async with Desk(Ears("What is it?"), Mind(said("It is ", "a token. ", "Really."))) as desk:
        await desk.hear(silence(300) + tone(600) + silence(500))
        await desk.rest()
        started, stopped = desk.of(Speech)
        assert abs(started.since - 300_000) <= 20_000
        assert abs(stopped.since - 900_000) <= 20_000
        assert desk.words("user") == ["What is it?"]
        assert desk.words("assistant") == ["It is a token. Really."]
        assert desk.mind.told == [("user", "What is it?")]
        assert desk.mind.asked[0].system == "Be brief."
        assert desk.turns == ["completed"]
        assert desk.sound_ms == 5 * WORD_MS
        (block,) = {event.block for event in desk.of(Audio)}
        assert block == next(e.block for e in desk.of(Transcript) if e.role == "assistant") > 0
        assert all(len(base64.b64decode(event.delta)) <= 4800 and event.rate == 24_000 for event in desk.of(Audio))


async def test_the_end_of_a_turn_is_told_after_the_silence_that_was_asked_for():
    async with Desk(silence_ms=700) as desk:
        await desk.hear(tone(500) + silence(600))
        assert desk.speech == ["started"]
        await desk.hear(silence(200))
        assert desk.speech == ["started", "stopped"]


async def test_a_pause_is_guessed_at_and_the_guess_thrown_away_where_speech_goes_on():
    async with Desk(Ears("a piece", "the whole")) as desk:
        await desk.hear(tone(400) + silence(200) + tone(400) + silence(400))
        assert desk.words("user") == ["the whole"]
        piece, whole = desk.ears.heard
        assert len(whole) > len(piece) + len(tone(400))
        assert desk.speech == ["started", "stopped"]


async def test_sound_of_any_rate_and_size_gives_the_same_turn():
    async with Desk() as desk:
        await desk.give(Sound(tone(500, 48_000) + silence(800, 48_000), 48_000))
        assert desk.speech == ["started", "stopped"]
        assert 500 <= len(desk.ears.heard[-1]) / 2 / HEARD * 1000 <= 700


async def test_speech_ends_an_answer_that_is_being_made():
    async with Desk(Ears("Count.", "Stop."), Mind(LONG, said("Fine."))) as desk:
        await desk.turn()
        assert desk.turns == []
        await desk.hear(tone(500))
        assert desk.mind.cancelled == 1
        assert desk.speech[-2:] == ["started", "interrupted"]
        assert desk.turns == ["cancelled"]
        made = len(desk.of(Audio))
        await desk.rest()
        assert len(desk.of(Audio)) == made
        await desk.hear(silence(500))
        assert desk.turns == ["cancelled", "completed"]
        # Its first sound was sent where the end of speech was found, some 0.3 s behind it; speech was found again 0.2 s later.
        assert desk.mind.told == [("user", "Count."), ("assistant", "One "), ("user", "Stop.")]


async def test_nothing_of_an_answer_comes_after_it_was_cut_off():
    """It would look like the beginning of another answer, which nobody gives and nothing ends."""
    async with Desk(Ears("Count."), Mind([Text(0, "One, ")] * 50)) as desk:
        desk.refuse = lambda event: desk.inbox.put(Interrupt()) if desk.words("assistant") == ["One, "] else None
        await desk.turn()
        await desk.rest()
        assert desk.turns == ["cancelled"]
        assert desk.events[-1][1] == Notice("turn", {"status": "cancelled"})


async def test_an_answer_that_is_made_may_still_be_playing():
    async with Desk(Ears("Count.", "Stop."), Mind([*LONG, End("stop")], said("Fine."))) as desk:
        await desk.turn()
        assert desk.turns == ["completed"]
        await desk.hear(silence(1000))
        await desk.turn()
        assert desk.speech.count("interrupted") == 1
        assert desk.turns == ["completed", "completed"]
        heard = desk.mind.told[1][1]
        assert "One two three four five, " in heard
        assert "ten" not in heard


async def test_what_was_played_is_known_exactly_once_a_reader_tells_it():
    async with Desk(Ears("Count."), Mind([*LONG, End("stop")])) as desk:
        await desk.turn()
        block = desk.of(Audio)[0].block
        await desk.give(Interrupt(block, 3 * WORD_MS), Say("And?"))
        assert desk.mind.told == [("user", "Count."), ("assistant", "One two three "), ("user", "And?")]
        assert desk.speech[-1] == "interrupted"


async def test_an_answer_that_was_played_to_its_end_is_not_interrupted():
    async with Desk(Ears("One.", "Two.")) as desk:
        await desk.turn()
        await desk.hear(silence(2000))
        await desk.turn()
        assert "interrupted" not in desk.speech
        assert desk.mind.told == [("user", "One."), ("assistant", "Good."), ("user", "Two.")]


async def test_where_speech_may_not_interrupt_the_next_answer_waits():
    async with Desk(Ears("One.", "Two."), Mind(LONG, said("Second.")), interrupt=False) as desk:
        await desk.turn()
        await desk.turn()
        assert "interrupted" not in desk.speech
        assert desk.turns == []
        desk.mind.go_on.set()
        await desk.rest()
        assert desk.turns == ["completed", "completed"]
        assert [role for role, _ in desk.mind.told] == ["user", "assistant", "user"]


async def test_push_to_talk_is_answered_when_it_is_asked_to_be():
    async with Desk(turn_detection="none") as desk:
        await desk.hear(tone(300))
        await desk.give(Clear())
        await desk.hear(tone(200) + silence(800) + tone(200))
        assert desk.speech == []
        await desk.give(Commit())
        assert desk.words("user") == ["said 1"]
        assert abs(len(desk.ears.heard[0]) / 2 / HEARD - 1.2) < 0.05
        assert desk.turns == []
        await desk.give(Respond())
        assert desk.turns == ["completed"]


async def test_a_turn_that_needs_no_answer_gets_none():
    async with Desk(respond=False) as desk:
        await desk.turn()
        assert desk.words("user") == ["said 1"]
        assert (desk.mind.asked, desk.turns) == ([], [])


async def test_written_words_and_pictures_are_answered_in_writing_where_that_is_the_setting():
    async with Desk(mind=Mind([Text(3, "Yes."), Usage(output=2), End("stop")]), output="text") as desk:
        await desk.give(Say("Look", ("data:image/png;base64,AA==",)))
        assert desk.of(Text) == [Text(desk.of(Text)[0].block, "Yes.")]
        assert desk.of(Audio) == []
        assert desk.of(Usage) == [Usage(output=2)]
        picture, text = desk.mind.told[0][1]
        assert picture["image_url"]["url"].startswith("data:image/png")
        assert text["text"] == "Look"


async def test_one_answer_may_be_given_otherwise():
    async with Desk(mind=Mind(said("Hello!"))) as desk:
        await desk.give(Respond("Greet the user.", "text"))
        assert desk.of(Text)[0].delta == "Hello!"
        assert desk.mind.asked[0].system == "Greet the user."
        await desk.give(Say("And now?"))
        assert desk.mind.asked[1].system == "Be brief."
        assert desk.of(Audio)


async def test_there_is_nothing_to_answer_before_anything_was_said():
    async with Desk() as desk:
        await desk.give(Respond())
        assert desk.turns == ["failed"]


async def test_a_tool_is_called_and_its_result_goes_back():
    call = [Tool(0, "call_1", "weather"), Tool(0, delta='{"city": "Paris"}'), Tool(0, done=True, arguments={"city": "Paris"}), End("tool")]
    async with Desk(Ears("The weather?"), Mind(call, said("Sunny."))) as desk:
        await desk.turn()
        tools = desk.of(Tool)
        assert [tool.name for tool in tools] == ["weather", None, None]
        assert {tool.block for tool in tools}.isdisjoint(event.block for event in desk.of(Transcript))
        assert desk.turns == ["completed"]
        await desk.give(ToolResult("call_1", "21 degrees"))
        user, assistant, tool = desk.mind.asked[1].messages
        assert user["content"] == "The weather?"
        assert assistant["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Paris"}'}
        assert (tool["role"], tool["tool_call_id"], tool["content"]) == ("tool", "call_1", "21 degrees")
        assert desk.words("assistant") == ["Sunny."]


async def test_a_call_without_a_result_is_not_told_and_a_result_without_a_call_fails_its_turn():
    call = [Tool(0, "call_1", "weather"), Tool(0, done=True, arguments={}), End("tool")]
    async with Desk(mind=Mind(call, said("Well."))) as desk:
        await desk.give(Say("The weather?"), Say("Never mind."))
        assert [role for role, _ in desk.mind.told] == ["user", "user"]
        await desk.give(ToolResult("call_9", "?"))
        assert desk.turns[-1] == "failed"


@pytest.mark.parametrize(
    ("failure", "told"),
    [(Refused("internal", "The ear is full."), "The ear is full."), (ValueError("secret words"), "ValueError")],
)  # fmt: skip
async def test_a_stage_that_fails_ends_its_turn_and_not_the_session(failure, told):
    async with Desk(Ears(failure, "Again."), mouth=Mouth()) as desk:
        await desk.turn()
        assert desk.turns == ["failed"]
        assert told in desk.notices("turn")[0]["message"]
        assert "secret" not in str(desk.events)
        desk.mouth.broken = failure
        await desk.turn()
        assert desk.turns == ["failed", "failed"]
        desk.mouth.broken = None
        await desk.turn()
        assert desk.turns == ["failed", "failed", "completed"]


async def test_how_the_text_model_ended_is_told():
    failed = [Text(0, "Well"), Error("overloaded", "Too many ask.")]
    async with Desk(mind=Mind([Text(0, "Well "), End("length")], failed)) as desk:
        desk.mind.go_on.set()
        await desk.give(Say("Now?"))
        assert "length" in desk.notices("turn")[0]["message"]
        await desk.give(Say("Now?"))
        assert desk.notices("turn")[1] == {"status": "failed", "message": "Too many ask."}
        assert [entry for _, entry in desk.events if isinstance(entry, End | Error)] == []


async def test_sound_without_words_is_not_answered():
    async with Desk(Ears("")) as desk:
        await desk.turn()
        assert desk.turns == ["incomplete"]
        assert desk.mind.asked == []


async def test_words_that_come_when_the_user_already_goes_on_are_kept_and_answered_with_what_follows():
    ears, slow = Ears("First.", "Second."), asyncio.Event()

    async def transcribe(pcm: bytes) -> str:
        words = await Ears.transcribe(ears, pcm)
        await slow.wait()
        return words

    ears.transcribe = transcribe  # type: ignore[method-assign]
    async with Desk(ears) as desk:
        await desk.turn()
        await desk.hear(tone(300))
        slow.set()
        await desk.rest()
        assert desk.turns == ["cancelled"]
        await desk.hear(silence(400))
        assert desk.mind.told == [("user", "First."), ("user", "Second.")]
        assert len(desk.mind.asked) == 1
        assert desk.turns == ["cancelled", "completed"]


async def test_settings_change_on_the_way_and_a_voice_that_is_not_there_is_refused():
    async with Desk() as desk:
        await desk.give(Update({"voice": "squeaky"}))
        assert "low, high" in desk.notices("session")[-1]["refused"]
        await desk.give(Update({"voice": "high"}, system="Be long.", tools=({"type": "function", "function": {"name": "f"}},)))
        assert desk.notices("session")[-1]["voice"] == "high"
        await desk.give(Say("Hello"))
        assert desk.mouth.voices == ["high"]
        assert desk.mind.asked[0].system == "Be long."
        assert desk.mind.asked[0].tools
        await desk.give(Update({"turn_detection": "none"}))
        await desk.turn()
        assert desk.speech == []


async def test_closing_a_session_closes_what_thinks():
    async with Desk(mind=Mind(LONG)) as desk:
        await desk.give(Say("Count."))
        desk.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await desk.task
        assert desk.mind.cancelled == 1


async def test_a_full_journal_ends_the_session():
    def full(event: object) -> None:
        if isinstance(event, Audio):
            raise JournalFull

    async with Desk() as desk:
        desk.refuse = full
        await desk.give(Say("Hello"))
        with pytest.raises(JournalFull):
            await desk.task


class SlowEars(Ears):
    """Writes down only what it is let go on with."""

    def __init__(self, *texts: str) -> None:
        super().__init__(*texts)
        self.go_on = asyncio.Event()

    async def transcribe(self, pcm: bytes) -> str:
        words = await super().transcribe(pcm)
        await self.go_on.wait()
        return words


async def test_an_interrupt_while_words_are_written_down_ends_the_turn_that_was_asked_for():
    ears = SlowEars("First.", "Second.")
    async with Desk(ears, turn_detection="none") as desk:
        await desk.hear(tone(300))
        await desk.give(Commit(), Respond(), Interrupt())
        ears.go_on.set()
        await desk.rest()
        assert desk.words("user") == ["First."]
        assert (desk.mind.asked, desk.turns) == ([], ["cancelled"])
        await desk.hear(tone(300))
        await desk.give(Commit(), Respond())
        assert desk.mind.told == [("user", "First."), ("user", "Second.")]
        assert desk.turns == ["cancelled", "completed"]


async def test_an_interrupt_while_words_are_written_down_ends_the_turn_that_speech_ended():
    ears = SlowEars("First.", "Second.")
    async with Desk(ears) as desk:
        await desk.turn()
        await desk.give(Interrupt())
        ears.go_on.set()
        await desk.rest()
        assert desk.words("user") == ["First."]
        assert (desk.mind.asked, desk.turns) == ([], ["cancelled"])
        await desk.turn()
        assert desk.mind.told == [("user", "First."), ("user", "Second.")]
        assert desk.turns == ["cancelled", "completed"]


async def test_what_is_asked_for_behind_an_interrupt_is_answered():
    ears = SlowEars("First.")
    async with Desk(ears, turn_detection="none") as desk:
        await desk.hear(tone(300))
        await desk.give(Commit(), Respond(), Interrupt(), Respond())
        ears.go_on.set()
        await desk.rest()
        assert desk.turns == ["cancelled", "completed"]
        assert desk.mind.told == [("user", "First.")]


async def test_an_interrupt_right_behind_written_words_ends_their_turn():
    async with Desk() as desk:
        await desk.give(Say("Look."), Interrupt())
        assert (desk.mind.asked, desk.turns) == ([], ["cancelled"])
        await desk.give(Say("Well?"))
        assert desk.mind.told == [("user", "Look."), ("user", "Well?")]


async def test_an_interrupt_while_the_user_speaks_leaves_the_answer_to_that():
    async with Desk(Ears("Count.", "Stop."), Mind(LONG, said("Fine."))) as desk:
        await desk.turn()
        block = desk.of(Audio)[0].block
        await desk.hear(tone(300))
        await desk.give(Interrupt(block, WORD_MS), Interrupt())
        await desk.hear(silence(500))
        assert desk.turns == ["cancelled", "completed"]
        assert desk.mind.told == [("user", "Count."), ("assistant", "One "), ("user", "Stop.")]


async def test_how_much_was_heard_may_be_told_while_the_next_words_are_written_down():
    ears = SlowEars("Count.", "Stop.")
    ears.go_on.set()
    async with Desk(ears, Mind(LONG, said("Fine."))) as desk:
        await desk.turn()
        block = desk.of(Audio)[0].block
        ears.go_on.clear()
        await desk.turn()
        await desk.give(Interrupt(block, 2 * WORD_MS))
        ears.go_on.set()
        await desk.rest()
        assert desk.turns == ["cancelled", "completed"]
        assert desk.mind.told == [("user", "Count."), ("assistant", "One two "), ("user", "Stop.")]


async def test_how_much_was_heard_of_an_answer_that_was_cut_off_does_not_end_the_next():
    async with Desk(Ears("Count."), Mind(LONG, [Text(0, "Well, ")])) as desk:
        await desk.turn()
        block = desk.of(Audio)[0].block
        await desk.give(Say("And?"))
        await desk.give(Interrupt(block, 3 * WORD_MS))
        assert desk.turns == ["cancelled"]
        desk.mind.go_on.set()
        await desk.give()
        assert desk.turns == ["cancelled", "completed"]
        await desk.give(Say("So?"))
        assert desk.mind.told[:2] == [("user", "Count."), ("assistant", "One two three ")]
