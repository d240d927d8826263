"""The entry point that Lambda calls: Powertools around Mangum around the ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mangum import Mangum
from mangum.handlers import APIGateway

from ocpi.deployment import write_down_exchanges
from ocpi.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable


TEXT = ["application/json", "application/problem+json", "application/x-ndjson"]
"""What we send. Mangum would encode what it does not know as text in Base64, and without binary media types
API Gateway would hand that on as it is."""


class RestApi(APIGateway):
    """An event of an API Gateway REST API as an ASGI scope.

    Mangum's own decodes the path, after which an id with ``%2F`` in it is two segments, and takes the
    ``Host`` header apart, which fails on an IPv6 address.
    """

    @property
    def scope(self) -> Any:
        """The scope, with the path as it was sent."""
        headers = self.event.get("multiValueHeaders") or {
            name: [value] for name, value in (self.event.get("headers") or {}).items()
        }
        query = self.event.get("multiValueQueryStringParameters") or {}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "http_version": "1.1",
            "method": self.event["httpMethod"],
            "scheme": "https",
            "path": self.event["path"],
            "raw_path": self.event["path"].encode(),
            "root_path": "",
            "query_string": urlencode(query, doseq=True).encode(),
            "headers": [
                (name.lower().encode("latin-1", "replace"), ", ".join(values).encode("latin-1", "replace"))
                for name, values in headers.items()
            ],
            "aws.event": self.event,
            "aws.context": self.context,
        }


def lambda_handler(app: Callable[..., Any]) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A Lambda handler for events of an API Gateway REST API."""
    adapter = Mangum(app, lifespan="off", custom_handlers=[RestApi], text_mime_types=TEXT)

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return adapter(event, context)
        finally:
            write_down_exchanges()

    return handler
