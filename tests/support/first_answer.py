"""One cold start: imports a function, has it answer events, and prints what that cost. ``cold_functions.py`` runs it.

    python tests/support/first_answer.py JOB     # JOB: a file, see :class:`Job`

It is a process of its own and imports nothing that it need not have: what is loaded already costs the function nothing.
botocore's clients are made as in Lambda; only where a request would go onto the network a small table answers instead.
"""

import json
import os
import resource
import sys
import time
from base64 import b64encode
from hashlib import md5
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypedDict

    class Job(TypedDict):
        """What to do: ``paths`` go to the front of ``sys.path``; ``events`` are handed to the function ``app.handler``.

        ``items`` are those of the table, in DynamoDB's JSON. Without events only ``statements`` are carried out.
        """

        paths: list[str]
        events: list[dict[str, Any]]
        items: list[dict[str, Any]]
        statements: str


class Context:
    """What Lambda tells a handler; powertools logs these."""

    function_name = "cold"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:cold"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return 10_000


class Body:
    """The body of an HTTP response, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> "Iterator[bytes]":
        """All at once."""
        yield self._content


class Network:
    """Answers what is sent to AWS."""

    def __init__(self, items: "list[dict[str, Any]]") -> None:
        self._items = {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
        self.operations: list[str] = []

    def send(self, request: "Any") -> "Any":
        """In the place of ``botocore.httpsession.URLLib3Session.send``."""
        from botocore.awsrequest import AWSResponse  # noqa: PLC0415 - loaded by the function, or not at all

        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        self.operations.append(operation)
        answer = self._answer(operation, json.loads(request.body))
        headers: Any = {"x-amzn-requestid": "example"}
        return AWSResponse(request.url, 200, headers, Body(json.dumps(answer).encode()))

    def _answer(self, operation: str, asked: "dict[str, Any]") -> "dict[str, Any]":
        if operation == "GetItem":
            found = self._find(asked["Key"])
            return {"Item": found} if found else {}
        if operation == "BatchGetItem":
            responses = {
                table: [item for item in map(self._find, wanted["Keys"]) if item]
                for table, wanted in asked["RequestItems"].items()
            }
            return {"Responses": responses, "UnprocessedKeys": {}}
        if operation == "Query":
            values = [] if "IndexName" in asked else list(asked["ExpressionAttributeValues"].values())
            items = [item for item in self._items.values() if item["pk"] in values]
            return {"Items": items, "Count": len(items), "ScannedCount": len(items)}
        if operation == "BatchWriteItem":
            return {"UnprocessedItems": {}}
        if operation == "SendMessage":
            digest = md5(asked["MessageBody"].encode(), usedforsecurity=False).hexdigest()
            return {"MessageId": "example", "MD5OfMessageBody": digest}
        if operation == "GetQueueAttributes":
            return {"Attributes": dict.fromkeys(asked["AttributeNames"], "0")}
        if operation == "GetSecretValue":
            return {"SecretString": "example-of-an-operator-key", "CreatedDate": 1767225600}
        if operation in ("Encrypt", "Decrypt"):
            return {"CiphertextBlob": b64encode(b"sealed").decode(), "Plaintext": b64encode(b"token").decode()}
        return {}

    def _find(self, key: "dict[str, Any]") -> "dict[str, Any] | None":
        return self._items.get((key["pk"]["S"], key["sk"]["S"]))


def cpu_seconds() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(job: "Job") -> "dict[str, Any]":
    """What a job cost, ``cpu`` and ``wall`` in seconds, and what was answered and loaded."""
    network = Network(job["items"])
    sys.path[:0] = job["paths"]
    at_first = set(sys.modules)
    began, cpu = time.perf_counter(), cpu_seconds()
    answers: list[Any] = []
    if not job["events"]:
        exec(job["statements"], {"Context": Context})  # noqa: S102 - the baseline's own words
        imported = cpu_seconds()
    else:
        app = import_module("app")
        imported = cpu_seconds()
        import_module("botocore.httpsession").URLLib3Session.send = lambda _, request: network.send(request)
        answers += [app.handler(event, Context()) for event in job["events"]]
    cpu_end, end = cpu_seconds(), time.perf_counter()
    return {
        "cpu": cpu_end - cpu,
        "import_cpu": imported - cpu,
        "wall": end - began,
        "answers": answers,
        "operations": network.operations,
        "modules": sorted(set(sys.modules) - at_first),
    }


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - pathlib is what a function may have to load
        todo = json.load(file)
    result = run(todo)
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)
