"""OCPI status codes (section 4). 2004 and 4xxx do not exist in 2.1.1."""

from __future__ import annotations

from enum import IntEnum


class StatusCode(IntEnum):
    """The codes that we send."""

    SUCCESS = 1000
    CLIENT_ERROR = 2000
    INVALID_PARAMETERS = 2001
    NOT_ENOUGH_INFORMATION = 2002
    UNKNOWN_LOCATION = 2003
    SERVER_ERROR = 3000
    UNUSABLE_CLIENT_API = 3001
    UNSUPPORTED_VERSION = 3002
    MISSING_ENDPOINTS = 3003
