"""Sound cut into frames: nothing lost, nothing twice, and how much was sent is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.realtime.tracks import FRAME_BYTES, Change, Playback


@given(st.lists(st.integers(0, 3 * FRAME_BYTES // 2).map(lambda n: 2 * n), max_size=8))
def test_all_that_is_put_in_comes_out(sizes: list[int]) -> None:
    playback = Playback()
    sound = b"".join(bytes([1 + n % 250]) * size for n, size in enumerate(sizes))
    for n, size in enumerate(sizes):
        playback.put(n // 2, bytes([1 + n % 250]) * size)
    frames = [playback.frame() for _ in range(len(sound) // FRAME_BYTES + 1)]
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert b"".join(frames).rstrip(b"\0") == sound


def test_a_pause_is_no_end() -> None:
    changes = list[Change]()
    playback = Playback(changes.append)
    playback.put(3, b"\1" * FRAME_BYTES)
    playback.frame()
    assert playback.frame() == bytes(FRAME_BYTES)
    assert [c.kind for c in changes] == ["started"]
    playback.put(3, b"\1" * FRAME_BYTES)
    playback.finish()
    playback.frame()
    playback.frame()
    assert changes == [Change("started", 3, 0), Change("stopped", 3, 40)]


def test_what_is_cleared_is_never_sent_and_what_was_sent_is_told() -> None:
    changes = list[Change]()
    playback = Playback(changes.append)
    assert playback.clear() is None
    playback.put(1, b"\1" * FRAME_BYTES * 10)
    for _ in range(3):
        playback.frame()
    assert playback.clear() == changes[-1] == Change("cleared", 1, 60)
    assert playback.frame() == bytes(FRAME_BYTES)
    assert playback.clear() is None
