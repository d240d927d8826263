"""What an operator may PUT as the rule of a token."""

from pydantic import ConfigDict

from ocpi.v2_1_1.fields import Boolean, Id39, OneOrMore
from ocpi.v2_1_1.model import OcpiModel
from ocpi.v2_1_1.tokens import Allowed
from ocpi.v2_1_1.types import DisplayText


class PermittedPlace(OcpiModel):
    """A location, or some of its EVSEs; ``evse_uids`` absent, null or [] is the whole location."""

    model_config = ConfigDict(extra="forbid")

    location_id: Id39
    evse_uids: list[Id39] | None = None


class AuthorizationRule(OcpiModel):
    """``locations`` absent or null is everywhere; [] is refused, since it could be taken for nowhere as well.
    ``location_required``: only an answer that knows the location may be ``ALLOWED``.
    """

    model_config = ConfigDict(extra="forbid")

    allowed: Allowed
    locations: OneOrMore[PermittedPlace] | None = None
    location_required: Boolean | None = None
    info: DisplayText | None = None
