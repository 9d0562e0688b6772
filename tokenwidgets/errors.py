"""What can be refused before a provider is called, in one shape for Python, HTTP and the socket."""

from __future__ import annotations

from typing import Any

from .events import Error, ErrorCode

STATUS: dict[str, int] = {
    "auth": 401, "rate_limited": 429, "overloaded": 503, "bad_request": 400, "not_found": 404, "context_length": 400,
    "filtered": 400, "timeout": 504, "connection": 502, "protocol": 502, "limit": 429, "internal": 500, "no_candidates": 422,
}  # fmt: skip


class TokenwidgetsError(Exception):
    """Root of what this package raises: `str(e)` is one sentence that names what is wrong and what to do."""


class Refused(TokenwidgetsError):
    """A request that was not carried out; no provider was called.

    Parameters
    ----------
    code : one of the error codes of the vocabulary.
    message : one sentence, safe to show: no key, no prompt.
    status : HTTP status for it; by default the code's own.
    """

    def __init__(self, code: ErrorCode, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or STATUS[code]

    def body(self) -> dict[str, Any]:
        """The JSON of an HTTP refusal: Jupyter's `message` beside our `error`."""
        return {"message": self.message, "error": {"code": self.code, "message": self.message}}

    def event(self) -> Error:
        """The same as the terminal event of a stream that could not begin."""
        return Error(self.code, self.message, stage="connect", status=self.status)


def unread(path: object, error: OSError) -> str:
    """Why a file cannot be read, in a sentence."""
    return f"{path} cannot be read: {(error.strerror or 'no such file').lower()}."


class StreamFailed(TokenwidgetsError):
    """A stream ended with an `error` event; `.error` is that event and the result keeps all that came before."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error
