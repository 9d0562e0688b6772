"""Short-lived keys for one thing: a voice session of the gateway's, begun by a page that is not given the server's token."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Refused
from .base import refuse

SECONDS = (10, 7200)
"""Shortest and longest life of a key (openai types/realtime/client_secret_create_params.py)."""

USUAL_SECONDS = 600
"""Its life where none is asked for (the same)."""

KEYS = 1000
"""The most keys at a time."""

PREFIX = "ek_"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A key.

    Parameters
    ----------
    value : what is shown; whoever has it may begin sessions.
    owner : whose streams those are.
    expires_at : Unix time in seconds.
    session : OpenAI's session object that they begin with.
    """

    value: str
    owner: str
    expires_at: int
    session: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"ClientSecret(expires_at={self.expires_at})"


class ClientSecrets:
    """The keys of this server, in memory alone.

    Parameters
    ----------
    now : Unix time in seconds.
    random : makes what cannot be guessed.
    """

    def __init__(self, now: Callable[[], float] = time.time, random: Callable[[], str] = secrets.token_hex) -> None:
        self._now = now
        self._random = random
        self._keys: dict[str, ClientSecret] = {}

    def mint(self, owner: str, session: Mapping[str, Any], seconds: int = USUAL_SECONDS) -> ClientSecret:
        """A new key.

        Raises
        ------
        Refused : there are as many as may be.
        """
        self._forget()
        if len(self._keys) >= KEYS:
            raise Refused("limit", f"{KEYS} client secrets are in use: wait until one has expired.")
        made = ClientSecret(PREFIX + self._random(), owner, int(self._now()) + seconds, session)
        self._keys[made.value] = made
        return made

    def get(self, value: str) -> ClientSecret | None:
        """The key that a client shows, while it holds."""
        self._forget()
        return self._keys.get(value)

    def _forget(self) -> None:
        now = self._now()
        for key in [key for key in self._keys.values() if key.expires_at <= now]:
            del self._keys[key.value]


def life(asked: Any) -> int:
    """How many seconds `expires_after` asks for.

    Raises
    ------
    Refused : it is none of OpenAI's form, or out of bounds.
    """
    match asked:
        case None:
            return USUAL_SECONDS
        case {"anchor": "created_at", **rest} if type(seconds := rest.get("seconds", USUAL_SECONDS)) is int:
            if SECONDS[0] <= seconds <= SECONDS[1]:
                return int(seconds)
    raise refuse(f"'expires_after' is {{'anchor': 'created_at', 'seconds': from {SECONDS[0]} to {SECONDS[1]}}}.")
