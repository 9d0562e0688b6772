"""Pictures that a page sends in pieces, since one message may not hold a whole one; and their small previews."""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import images
from .errors import Refused

PICTURES = 8
"""Most pictures beside one question."""

UPLOADS = 16
"""Pictures on their way at a time; the oldest is given up for a further one."""

PREVIEW_CHARACTERS = 65_536
"""Largest preview, as a data URL; a picture that is no larger is its own."""

PREVIEWS = 256
"""Previews kept; of older pictures the page shows name and size."""

_PREVIEWED = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/webp;base64,", "data:image/gif;base64,")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a page shows of a picture: its name, and a small data URL, or an empty text."""

    name: str
    url: str


class Uploads:
    """Pictures of a page, on their way and arrived."""

    def __init__(self) -> None:
        self._coming: OrderedDict[str, bytearray] = OrderedDict()
        self._previews: OrderedDict[str, Preview] = OrderedDict()

    def take(self, name: str, data: str) -> None:
        """One more piece of a picture.

        Parameters
        ----------
        name : the page's own, of this picture.
        data : in base64.

        Raises
        ------
        Refused : the picture is too large, or the piece is no base64.
        """
        picture = self._coming.setdefault(name, bytearray())
        try:
            picture += base64.b64decode(data, validate=True)
        except ValueError:
            raise Refused("bad_request", "A piece of the picture did not arrive whole: add the picture again.") from None
        if len(picture) > images.IMAGE_BYTES:
            del self._coming[name]
            raise Refused("limit", f"The picture has more than {images.IMAGE_BYTES // 2**20} MiB: make it smaller.")
        if len(self._coming) > UPLOADS:
            self._coming.popitem(last=False)

    def parts(self, pictures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Pictures that have arrived, as parts of a message.

        Parameters
        ----------
        pictures : each with its `id`, and the `name` and `preview` to be shown.

        Raises
        ------
        Refused : they are too many, one is not here, or is no picture.
        """
        if len(pictures) > PICTURES:
            raise Refused("limit", f"A question takes at most {PICTURES} pictures, not {len(pictures)}.")
        made = [self._part(picture) for picture in pictures]
        for picture in pictures:
            self._coming.pop(picture["id"], None)
        return made

    def _part(self, picture: Mapping[str, Any]) -> dict[str, Any]:
        data = self._coming.get(str(picture.get("id")))
        if data is None:
            raise Refused("not_found", "A picture is not here any more: add it again.")
        part = images.part(bytes(data))
        url, preview = part["image_url"]["url"], str(picture.get("preview", ""))
        fits = preview.startswith(_PREVIEWED) and len(preview) <= PREVIEW_CHARACTERS
        self._previews[_digest(url)] = Preview(str(picture.get("name", ""))[:200], preview if fits else "")
        if len(self._previews) > PREVIEWS:
            self._previews.popitem(last=False)
        return part

    def shown(self, url: str) -> Preview:
        """What is to be shown of a picture in a message."""
        known = self._previews.get(_digest(url))
        if known is not None and known.url:
            return known
        small = url.startswith(_PREVIEWED) and len(url) <= PREVIEW_CHARACTERS
        return Preview(known.name if known else "", url if small else "")


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
