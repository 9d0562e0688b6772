"""Heavy parts of the front end, which a page fetches when it first needs them."""

from __future__ import annotations

from tokenwidgets.errors import Refused
from tokenwidgets.widgets.base import ASSETS

from .base import Handler, guarded


class AssetHandler(Handler):
    """`tokenwidgets/assets/{name}.js`."""

    @guarded("read")
    async def get(self, name: str) -> None:
        """One module, as text: a page evaluates it from a Blob URL, as it does with a widget's own module."""
        file = ASSETS / f"{name}.js"
        if not file.is_file():
            raise Refused("not_found", f"There is no part of the front end named {name!r}.")
        await self.finish(file.read_bytes(), set_content_type="text/javascript; charset=utf-8")
