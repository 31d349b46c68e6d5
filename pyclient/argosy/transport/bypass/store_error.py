"""How an object store fails its clients."""

from __future__ import annotations

from argosy.errors import UnavailableError


class StoreError(UnavailableError):
    """The object store did not do what a signed URL allows; the server may.

    Attributes:
        status: status of its answer, ``None`` when there was none.
        was_there: whether there was a connection to it.
        was_silent: whether it took or gave nothing for as long as a transfer may stand still.
    """

    def __init__(
        self, message: str, status: int | None = None, *, was_there: bool = True, was_silent: bool = False
    ) -> None:
        """Keep all of it. The message never has a URL."""
        super().__init__(message)
        self.status = status
        self.was_there = was_there
        self.was_silent = was_silent

    @property
    def may_pass(self) -> bool:
        """Whether the same request may go well a moment later."""
        return self.status is None or self.status in {408, 409, 429} or self.status >= 500

    @property
    def is_refusal(self) -> bool:
        """Whether the request is not good as it came: its URL after its time, or something that changed on the way.

        With another URL it may go well.
        """
        return self.status is not None and 400 <= self.status < 500 and not self.may_pass
