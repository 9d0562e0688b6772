"""Pictures beside a question."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy
import pytest
from canned_server import Canned, sse
from chat_server import BOUND

import tokenwidgets as tw
from tokenwidgets import images

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"


def url(image: Any) -> str:
    return images.part(image)["image_url"]["url"]


def decoded(image: Any) -> tuple[str, bytes]:
    head, _, data = url(image).partition(",")
    return head, base64.b64decode(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [(PNG, "png"), (b"\xff\xd8\xff\xe0jpeg", "jpeg"), (b"GIF89a...", "gif"), (b"GIF87a...", "gif"), (b"RIFF\0\0\0\0WEBPVP8 ", "webp")],
)
def test_the_kind_is_read_from_the_first_bytes(data, kind, tmp_path):
    file = tmp_path / "wrong.bmp"
    file.write_bytes(data)
    for image in (data, bytearray(data), memoryview(data), file, str(file)):
        assert decoded(image) == (f"data:image/{kind};base64", data)


class Figure:
    """What matplotlib's figures can do."""

    def savefig(self, file, format, bbox_inches):
        assert format == "png"
        file.write(PNG)


class Axes:
    figure = Figure()


class Picture:
    """What PIL's pictures can do."""

    __array_interface__ = None

    def _repr_png_(self):
        return PNG


@pytest.mark.parametrize("image", [Figure(), Axes(), Picture()])
def test_figures_and_pictures_are_known_by_what_they_can_do(image):
    assert decoded(image) == ("data:image/png;base64", PNG)


def pixels(png: bytes) -> tuple[tuple[int, ...], bytes]:
    """Size, depth and colour type of a PNG file, and its lines without filters."""
    chunks, at = {}, 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + data)
        chunks[kind], at = data, at + 12 + size
    return struct.unpack(">IIBB", chunks[b"IHDR"][:10]), zlib.decompress(chunks[b"IDAT"])


def test_an_array_is_a_picture():
    array = numpy.arange(24, dtype="uint8").reshape(2, 4, 3)
    _, png = decoded(array)
    assert pixels(png) == ((4, 2, 8, 2), b"\0" + bytes(range(12)) + b"\0" + bytes(range(12, 24)))
    _, turned = decoded(array[:, ::2, 0])
    assert pixels(turned) == ((2, 2, 8, 0), b"\0\x00\x06\0\x0c\x12")


def test_addresses_stay_as_they_are():
    for address in ("https://example.org/a.png", "data:image/png;base64,AAAA"):
        assert url(address) == address


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("nowhere.png", "nowhere.png cannot be read: no such file"),
        (b"BM bitmap", "not PNG, JPEG, GIF or WebP"),
        (PNG + bytes(images.IMAGE_BYTES), r"has 8.0 MiB, and 8 are allowed"),
        ("data:image/png;base64," + "A" * (12 * 2**20), "9.0 MiB"),
        (5, "A int is no picture"),
        (numpy.zeros((2, 2)), "An array is a picture if it holds uint8"),
        (numpy.zeros((0, 2), "uint8"), "An array is a picture"),
    ],
)
def test_what_is_no_picture_is_one_sentence(image, words):
    with pytest.raises(tw.Refused, match=words):
        images.part(image)


@pytest.mark.usefixtures("in_process")
def test_five_megabytes_reach_the_provider():
    data = PNG + bytes(range(256)) * (5 * 2**12)
    with Canned("openai-chat", sse({"choices": [{"delta": {"content": "A cat."}, "finish_reason": "stop"}]})).running() as server:
        result = tw.stream("What is this?", model="canned/m", images=[data], show=False).wait(BOUND)
    assert (result.text, result.error) == ("A cat.", None)
    assert base64.b64encode(data) in server.sent[0]
    assert b'{"type":"text","text":"What is this?"}' in server.sent[0]


@pytest.mark.usefixtures("in_process")
def test_pictures_go_with_a_prompt():
    with pytest.raises(tw.Refused, match="Pictures go with a prompt"):
        tw.stream(messages=[{"role": "user", "content": "x"}], images=[PNG], model="sim/steady", show=False)
