"""Versions that a party speaks, and the endpoints of each (OCPI 2.1.1 chapters 5 and 6)."""

from enum import StrEnum
from typing import Annotated

from ocpi.v2_1_1.fields import URL, OneOrMore, OpenEnum
from ocpi.v2_1_1.model import OcpiModel


class ModuleID(StrEnum):
    """Modules; partners may agree on others."""

    CDRS = "cdrs"
    COMMANDS = "commands"
    CREDENTIALS = "credentials"
    LOCATIONS = "locations"
    SESSIONS = "sessions"
    TARIFFS = "tariffs"
    TOKENS = "tokens"


class VersionNumber(StrEnum):
    """Versions of OCPI up to this one."""

    V2_0 = "2.0"
    V2_1 = "2.1"
    V2_1_1 = "2.1.1"


class Version(OcpiModel):
    """Where the details of a version are (5.1.1). Versions that we do not know are taken and ignored."""

    version: Annotated[str, OpenEnum(name="VersionNumber")]
    url: URL


class Endpoint(OcpiModel):
    """Where a module is (6.1.2). Modules that we do not know are taken and ignored."""

    identifier: Annotated[str, OpenEnum(name="ModuleID")]
    url: URL


class VersionDetails(OcpiModel):
    """The endpoints of one version (6.1.1)."""

    version: Annotated[str, OpenEnum(name="VersionNumber")]
    endpoints: OneOrMore[Endpoint]
