"""Why a request is refused, in terms of the domain.

What each of these looks like on the wire is decided in one place per surface:
:mod:`ocpi.transport.ocpi_surface` (the OCPI envelope) and :mod:`ocpi.transport.operator_surface`
(``application/problem+json``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Refused(Exception):
    """A request that is not carried out; it changed nothing. ``detail`` is a sentence for its sender."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unauthorized(Refused):
    """No token, or one that opens nothing here."""


class TooManyFailures(Refused):
    """A caller that is not let in, from a source that has failed too often; ``retry_after`` is in seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Forbidden(Refused):
    """A known caller that is shut out for now."""


class NotFound(Refused):
    """What the URL names does not exist, or not for this caller."""


class LocationNotFound(NotFound):
    """As :class:`NotFound`, for a Location, EVSE or Connector: OCPI has a status code of its own for these."""


class MethodNotAllowed(Refused):
    """The URL exists, the method does not, or not in this state. ``allow`` lists those that do."""

    def __init__(self, detail: str, allow: Sequence[str]) -> None:
        super().__init__(detail)
        self.allow = tuple(allow)


class BodyTooLarge(Refused):
    """The body is longer than is taken."""


class WrongMediaType(Refused):
    """The body is declared as something else than what is read here."""


class BadParameter(Refused):
    """A query parameter or header that cannot be read; ``name`` is its name."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name


class BadCursor(BadParameter):
    """A cursor that this list did not hand out."""


class StateConflict(Refused):
    """Well formed, but not in the state that it would change."""


class PreconditionFailed(Refused):
    """``If-Match`` names a revision that is not the one stored."""


class PartnerFailed(Refused):
    """A partner did not do its part of a handshake. ``status_code`` is the OCPI code that says how.

    ``step`` is the request that failed (``versions``, ``version_details`` or ``credentials``);
    ``http_status`` and ``ocpi_status`` are what the partner answered, if it did.
    """

    def __init__(
        self,
        detail: str,
        *,
        status_code: int,
        step: str,
        http_status: int | None = None,
        ocpi_status: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status_code = status_code
        self.step = step
        self.http_status = http_status
        self.ocpi_status = ocpi_status
