"""Pictures in a question: whatever holds one, as a part of a message in the form of OpenAI's chat completions.

Figures, plots and pictures are known by what they can do, so that no library is imported for them.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from .errors import Refused, unread

IMAGE_BYTES = 8 * 2**20
"""Largest picture, in bytes: in base64 it fits in one request to the Jupyter server (16 MiB, `message_bytes`)."""

_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF87a": "image/gif", b"GIF89a": "image/gif"}
"""First bytes of the kinds that every provider takes; webp's stand apart."""

T = TypeVar("T", str, bytes)

_FORMATS = "PNG, JPEG, GIF or WebP"


def content(prompt: str, images: Iterable[Any]) -> str | list[dict[str, Any]]:
    """A user's message: the prompt, behind its pictures if it has any.

    Parameters
    ----------
    images : each a path, an address (https or data), bytes, a picture of PIL, a figure of matplotlib, or an array of bytes of the
        shape (height, width), (height, width, 3) or (height, width, 4).

    Raises
    ------
    Refused : one is no picture, cannot be read, or is too large.
    """
    parts = [part(image) for image in images]
    return [*parts, {"type": "text", "text": prompt}] if parts else prompt


def part(image: Any) -> dict[str, Any]:
    """One picture. Raises like `content`."""
    return {"type": "image_url", "image_url": {"url": _url(image)}}


def _url(image: Any) -> str:
    if isinstance(image, str) and image.startswith(("https://", "http://", "data:")):
        return _bounded(image, len(image) * 3 // 4)
    data = _bytes(image)
    return f"data:{_kind(data)};base64,{base64.b64encode(_bounded(data, len(data))).decode()}"


def _bounded(image: T, size: int) -> T:
    if size > IMAGE_BYTES:
        raise Refused("limit", f"The picture has {size / 2**20:.1f} MiB, and {IMAGE_BYTES // 2**20} are allowed: make it smaller.")
    return image


def _bytes(image: Any) -> bytes:
    if isinstance(image, str | Path):
        return _read(Path(image).expanduser())
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if hasattr(image, "savefig"):
        return _figure(image)
    if hasattr(image, "_repr_png_") and isinstance(png := image._repr_png_(), bytes):
        return png
    if hasattr(getattr(image, "figure", None), "savefig"):
        return _figure(image.figure)
    if hasattr(image, "__array_interface__"):
        return _array(image)
    raise Refused("bad_request", f"A {type(image).__name__} is no picture: give a path, bytes, an address, a PIL image or a figure.")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(IMAGE_BYTES + 1)
    except OSError as e:
        raise Refused("not_found", unread(f"The picture {path}", e)) from None


def _figure(figure: Any) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


def _array(array: Any) -> bytes:
    """An array of 8-bit grey, RGB or RGBA values as a PNG file (W3C, Portable Network Graphics, sections 5 and 11)."""
    about = array.__array_interface__
    shape, colours = about["shape"], {(): 0, (3,): 2, (4,): 6}
    if about["typestr"] != "|u1" or len(shape) < 2 or shape[2:] not in colours or 0 in shape:
        raise Refused(
            "bad_request", "An array is a picture if it holds uint8 values in the shape (height, width), with 3 or 4 colours or none."
        )
    height, width = shape[:2]
    lines, size = array.tobytes(), len(array.tobytes()) // height
    pixels = b"".join(b"\0" + lines[i * size : (i + 1) * size] for i in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, colours[shape[2:]], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _kind(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for first, kind in _KINDS.items():
        if data.startswith(first):
            return kind
    raise Refused("bad_request", f"The picture is not {_FORMATS}: these are what every provider takes.")
