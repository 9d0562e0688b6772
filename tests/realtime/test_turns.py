"""Where turns begin and end, in whatever frames the sound comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.realtime.turns import GUESS_MS, HEARD_RATE, LONGEST_SECONDS, ONSET_MS, SILENCE_MS, Found, TurnFinder

FRAME = 512


def fed(finder: TurnFinder, pattern: str) -> list[Found]:
    """A frame a letter: `s` is speech, `f` faint speech, `.` silence."""
    return [found for letter in pattern for found in finder.feed({"s": 0.9, "f": 0.4, ".": 0.02}[letter], FRAME)]


def kinds(pattern: str, silence_ms: int = SILENCE_MS) -> list[str]:
    return [found.kind for found in fed(TurnFinder(silence_ms), pattern)]


def test_a_turn_begins_with_its_first_frame_and_ends_with_its_last():
    assert fed(TurnFinder(), "...." + "s" * 10 + "." * 12) == [
        Found("started", 4 * FRAME), Found("guess", 14 * FRAME), Found("stopped", 14 * FRAME),
    ]  # fmt: skip


def test_a_click_is_no_speech():
    assert kinds("..s..ss.." * 4) == []


def test_faint_sound_goes_on_with_a_turn_and_begins_none():
    assert kinds("f" * 30) == []
    assert kinds("sss" + "f" * 60 + "." * 12) == ["started", "guess", "stopped"]


def test_a_pause_within_a_turn_is_taken_back():
    assert kinds("ssss....ssss" + "." * 12) == ["started", "guess", "resumed", "guess", "stopped"]


def test_silence_shorter_than_a_guess_may_be_asked_for():
    assert kinds("ssss....", silence_ms=50) == ["started", "stopped"]


def test_a_turn_that_never_pauses_is_ended():
    frames = int(LONGEST_SECONDS * HEARD_RATE / FRAME)
    assert kinds("s" * (frames + 30)) == ["started", "stopped", "started"]


def test_what_is_forgotten_does_not_end():
    finder = TurnFinder()
    fed(finder, "sssss")
    finder.clear()
    assert not finder.speaking
    assert fed(finder, "." * 20) == []


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 2000)), max_size=400),
    st.integers(50, 2000),
)
def test_turns_are_in_order_and_as_long_as_they_must_be(frames: list[tuple[float, int]], silence_ms: int):
    finder = TurnFinder(silence_ms)
    begin, guessed, speaking = 0, False, False
    for probability, samples in frames:
        for found in finder.feed(probability, samples):
            assert 0 <= found.position <= finder.position
            match found.kind:
                case "started":
                    assert not speaking
                    assert finder.position - found.position >= ONSET_MS * HEARD_RATE // 1000
                    speaking, guessed, begin = True, False, found.position
                case "guess":
                    assert speaking
                    assert not guessed
                    assert finder.position - found.position >= GUESS_MS * HEARD_RATE // 1000
                    guessed = True
                case "resumed":
                    assert speaking
                    assert guessed
                    guessed = False
                case "stopped":
                    assert speaking
                    assert found.position >= begin
                    paused = finder.position - found.position >= silence_ms * HEARD_RATE // 1000
                    assert paused or finder.position - begin >= LONGEST_SECONDS * HEARD_RATE
                    speaking = False
        assert finder.speaking == speaking
