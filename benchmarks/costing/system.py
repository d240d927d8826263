"""The whole system in this process, as AWS would run it: the handlers of the template's functions over a table, a key
and a secret in ministack, fed by hand with requests, records of the stream and messages.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3

from costing.capacity import indexes_of
from costing.meter import Meter
from local.context import LambdaContext
from local.environment import joint_environment, local_environment
from local.event import Request, build_event
from local.functions import load
from local.routing import Routes
from local.sqs_event import sqs_event
from local.template import Function, Template, read_template
from tests.support.fake_dynamodb import stream_record
from tests.support.table import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MOST_MESSAGES = 20_000
"""Of one act: more would be a message that sends itself for ever."""
OWN_OBJECTS = "OBJECT#own/"


class Unexpected(Exception):
    """The system answered otherwise than a day in which all goes well has it."""


class Partners:
    """The process that plays them; paths of ``url`` begin with the number of one."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("partners.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def count(self) -> tuple[int, int]:
        """Requests and bytes that came so far."""
        with urllib.request.urlopen(f"{self.url}/count", timeout=10) as answer:  # noqa: S310 - our own http URL
            found = json.load(answer)
        return found["requests"], found["bytes"]

    def hold_tokens(self, all_of_them: int, changed: int) -> None:
        """How many each lists."""
        request = urllib.request.Request(f"{self.url}/tokens/{all_of_them}/{changed}", method="POST")  # noqa: S310 - as above
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - as above

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class System:
    """Call :meth:`api`, then :meth:`settle`, which does what AWS would do because of it."""

    def __init__(self, template: Template, meter: Meter, queues: dict[str, str], partners: Partners, key: str) -> None:
        self.meter, self.partners, self._operator_key = meter, partners, key
        functions = {each.name: each for each in template.functions}
        self._functions = functions
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._handlers = {name: load(each.folder, each.handler) for name, each in functions.items()}
        self._routes = Routes(template.functions)
        self._fed_by = {
            url: (each.name, source.queue.arn)
            for url, queue in queues.items()
            for each in template.functions
            for source in each.event_sources
            if source.queue.name == queue
        }
        self._streamed = [each.name for each in template.functions if each.streams]
        self._sequence = 0
        self._logged = _log_to_count()

    def operator(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """A call of the operator API; ``path`` is below ``/operator``."""
        status, answer = self.api(method, f"/operator{path}", f"Bearer {self._operator_key}", body)
        if status != expect:
            raise Unexpected(f"{method} {path}: {status} {answer}")
        return answer

    def partner(self, method: str, path: str, token: str, body: Any = None) -> Any:
        """An OCPI request; its data."""
        status, answer = self.api(method, path, f"Token {token}", body)
        if status != 200 or answer["status_code"] != 1000:
            raise Unexpected(f"{method} {path}: {status} {answer}")
        return answer.get("data")

    def api(self, method: str, target: str, authorization: str, body: Any = None) -> tuple[int, Any]:
        """A request through API Gateway; the status and what the body says."""
        parts = urlsplit(target)
        lines = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        headers = (("Authorization", authorization), ("Content-Type", kind), ("Host", "ocpi.example.com"))
        match = self._routes.match(method, parts.path)
        if match is None:
            raise Unexpected(f"no route for {method} {parts.path}")
        request = Request(method, parts.path, parts.query, headers, lines, "192.0.2.1", 443)
        answer = self.invoke(match.function, build_event(request, match))
        text = answer.get("body") or ""
        self.meter.function = match.function.name
        self.meter.add(1, "api")
        self.meter.add(len(text) + 300, "bytes out", "answers")
        return answer["statusCode"], json.loads(text) if text and kind == "application/json" else text

    def scheduled(self, name: str) -> Any:
        """A function that the clock calls."""
        return self.invoke(self._functions[name], {})

    def invoke(self, function: Function, event: dict[str, Any]) -> Any:
        """Run a handler and note what it took."""
        meter = self.meter
        meter.function = function.name
        requests, sent = self.partners.count()
        context = LambdaContext(function.name, function.memory, function.timeout)
        # Mangum asks for the thread's event loop, and workers leave none behind.
        asyncio.set_event_loop(self._loop)
        meter.own_seconds, began = 0.0, time.process_time()
        answer = self._handlers[function.name](event, context)
        took = time.process_time() - began - meter.own_seconds
        after, sent_after = self.partners.count()
        meter.add(1, "invocations")
        meter.add(took * 1000, "cpu ms")
        meter.add(after - requests, "calls", "partner", "HTTP")
        meter.add(sent_after - sent, "bytes out", "to partners")
        meter.add(self._logged.take(), "log bytes")
        return answer

    def settle(self, *, batch: int = 1) -> None:
        """Until neither records nor messages are left. ``batch``: records a batch; when writes are far between, one."""
        for _ in range(MOST_MESSAGES):
            if self.meter.changes:
                self._follow(batch)
            elif self.meter.messages:
                url, body = self.meter.messages.pop(0)
                self._receive(url, body)
            else:
                return
        raise Unexpected("there is no end of messages")

    def close(self) -> None:
        """No more invocations."""
        self._loop.close()

    def _follow(self, batch: int) -> None:
        changes, records = deque(self.meter.changes), []
        self.meter.changes.clear()
        while changes:
            self._sequence += 1
            records.append(stream_record(f"{self._sequence:021d}", *changes.popleft()))
        for name in self._streamed:
            wanted = [each for each in records if name != "PushFunction" or _is_own(each)]
            for start in range(0, len(wanted), batch):
                answer = self.invoke(self._functions[name], {"Records": wanted[start : start + batch]})
                if answer["batchItemFailures"]:
                    raise Unexpected(f"{name} failed")

    def _receive(self, url: str, body: str) -> None:
        from ocpi.queues.sqlite import Message  # noqa: PLC0415 - of the layer, on the path by now

        self.meter.function = "queues"
        if url not in self._fed_by:
            # The operator's charge point system takes it.
            self.meter.add(2, "calls", "sqs", "ReceiveMessage, DeleteMessage")
            return
        name, arn = self._fed_by[url]
        self.meter.add(2, "calls", "sqs", "ReceiveMessage, DeleteMessage")
        now = time.time()
        answer = self.invoke(
            self._functions[name], sqs_event([Message(uuid4().hex, body, now, now, 1, uuid4().hex)], arn)
        )
        if answer["batchItemFailures"]:
            raise Unexpected(f"{name} failed on {body}")


class _CountedLog(io.StringIO):
    def take(self) -> int:
        """Bytes since the last time."""
        size = self.tell()
        self.seek(0)
        self.truncate()
        return size


def _log_to_count() -> _CountedLog:
    from ocpi.observability import logger  # noqa: PLC0415 - of the layer, on the path by now

    log = _CountedLog()
    handler: Any = logger.registered_handler
    handler.setStream(log)
    return log


def _is_own(record: dict[str, Any]) -> bool:
    return str(record["dynamodb"]["Keys"]["pk"]["S"]).startswith(OWN_OBJECTS)


@contextmanager
def running_system(endpoint: str) -> Iterator[System]:
    """A system of its own, with nothing in it, over the ministack at ``endpoint``. One for each process."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cost-")))
        template = prepared(data, endpoint)
        table = f"cost-{uuid4().hex}"
        dynamodb: Any = boto3.client("dynamodb")
        create_table(dynamodb, table)
        indexes = indexes_of(dynamodb.describe_table(TableName=table)["Table"])
        key = uuid4().hex + uuid4().hex
        queues = {
            boto3.client("sqs").create_queue(QueueName=f"{table}-{q.name}")["QueueUrl"]: q for q in template.queues
        }
        _tell_functions(table, key, {queue.url: url for url, queue in queues.items()}, template)
        partners = Partners()
        stack.callback(partners.close)
        meter = Meter(table, indexes)
        system = System(template, meter, {url: queue.name for url, queue in queues.items()}, partners, key)
        stack.callback(system.close)
        stack.enter_context(meter.running())
        yield system


def prepared(data: Path, endpoint: str) -> Template:
    """The template, and this process made one that runs its functions against ministack, as far as that is known."""
    template = read_template(ROOT / "template.yaml", {})
    os.environ |= local_environment(data, 1, {}) | {
        "AWS_ENDPOINT_URL": endpoint,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "OCPI_PUBLIC_URL": "https://ocpi.example.com",
    }
    sys.path[:0] = [str(layer) for layer in template.layers if layer.is_dir()]
    return template


def _tell_functions(table: str, key: str, urls: dict[str, str], template: Template) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name=f"{table}-key", SecretString=key)["ARN"]
    kms_key = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
    told = {
        "OCPI_STORE": f"dynamodb:{table}",
        "OCPI_VAULT": f"kms:{kms_key}",
        "OCPI_OPERATOR_KEY": f"secretsmanager:{secret}",
        "OCPI_WEBHOOK_SECRET": f"secretsmanager:{secret}",
    }
    for function in template.functions:
        for name, value in function.environment.items():
            url = urls.get(value.removeprefix("sqs:")) if isinstance(value, str) else None
            told |= {name: f"sqs:{url}"} if url else {}
    os.environ |= joint_environment(template.functions, {**os.environ, **told})
