"""The alternative of ``cold_start.py``: OCPI 2.1.1 by ``extrawest-ocpi`` (FastAPI) behind Mangum, up to its first list.

``first_answer.py`` carries these lines out in an environment that has both. The store that they hand it is empty and
costs nothing: no DynamoDB client is made.
"""
# The types of its parts are not there where mypy runs: they live in an environment of their own.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN002, ANN003, ANN206, ARG003 - what its hooks are given is its business

import json
import os

os.environ["ENVIRONMENT"] = "production"

from mangum import Mangum
from py_ocpi import get_application
from py_ocpi.core.authentication.authenticator import Authenticator
from py_ocpi.core.enums import ModuleID, RoleEnum
from py_ocpi.modules.versions.enums import VersionNumber

TOKEN = "example-of-an-emsp-token"  # noqa: S105 - made up
EVENT = json.loads(os.environ["FIRST_EVENT"])
EVENT["path"] += "/"  # what it redirects to


class Empty:
    """Its hook for a store."""

    @classmethod
    async def list(cls, module, role, filters, *args, **kwargs):
        """A page, the total, and whether it is the last one."""
        return [], 0, True


class Known(Authenticator):
    """Its hook for who may call."""

    @classmethod
    async def get_valid_token_c(cls):
        """Of registered partners."""
        return [TOKEN]

    @classmethod
    async def get_valid_token_a(cls):
        """Of those that are invited."""
        return []


application = get_application(
    version_numbers=[VersionNumber.v_2_1_1],
    roles=[RoleEnum.cpo],
    crud=Empty,
    modules=[ModuleID.locations],
    authenticator=Known,
)
answer = Mangum(application, lifespan="off")(EVENT, Context())  # noqa: F821 - first_answer.py has it
if answer["statusCode"] != 200:
    raise RuntimeError(answer)
