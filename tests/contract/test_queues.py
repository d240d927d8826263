"""The queue port, over SQLite, moto and ministack. Every test waits in real time, so each waits little."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from ocpi.queues.limits import MAX_BODY_BYTES
from ocpi.queues.open import open_queue
from ocpi.queues.sqlite import QueueAttributes, SQLiteQueue, SQLiteQueues, queues_in
from ocpi.queues.sqs import SQSQueue
from tests.support.queues import (
    MAX_RECEIVE_COUNT,
    Consumer,
    QueuePair,
    Received,
    SQSConsumer,
    ministack_queues,
    moto_queues,
    sqlite_queues,
    sqs_client,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYER = Path(__file__).parents[2] / "layers" / "ocpi" / "python"
TAKER = """
import sys, time
from pathlib import Path
from ocpi.queues.sqlite import SQLiteQueues

(message,) = SQLiteQueues(Path(sys.argv[1])).receive("Work", 1, 2)
print(message.body, flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["sqlite", "moto", "ministack"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[QueuePair]:
    match request.param:
        case "sqlite":
            context = sqlite_queues(tmp_path)
        case "moto":
            context = moto_queues()
        case _:
            context = ministack_queues(request.getfixturevalue("ministack"))
    with context as opened:
        yield opened


@pytest.fixture
def queues(tmp_path: Path) -> Iterator[SQLiteQueues]:
    opened = SQLiteQueues(tmp_path / "queues.db")
    yield opened
    opened.close()


def receive_within(consumer: Consumer, seconds: float, *, visibility_seconds: int = 30) -> list[Received]:
    """What comes first, if anything comes in so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = consumer.receive(visibility_seconds=visibility_seconds)
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_what_was_sent_is_received_in_whatever_order(pair: QueuePair) -> None:
    for number in range(5):
        pair.queue.send(f"message {number}")
    found: list[Received] = []
    while len(found) < 5 and (some := pair.consumer.receive()):
        found += some
    assert {message.body for message in found} == {f"message {number}" for number in range(5)}
    assert len({message.id for message in found}) == len({message.receipt for message in found}) == 5


def test_an_empty_queue_gives_nothing(pair: QueuePair) -> None:
    assert pair.consumer.receive() == []
    assert pair.queue.depth() == 0


def test_no_more_is_received_than_was_asked_for(pair: QueuePair) -> None:
    for _ in range(3):
        pair.queue.send("x")
    assert len(pair.consumer.receive(limit=2)) == 2


def test_a_delayed_message_comes_after_its_delay_and_not_earlier(pair: QueuePair) -> None:
    began = time.monotonic()
    pair.queue.send("later", delay_seconds=1)
    pair.queue.send("now")
    assert [message.body for message in pair.consumer.receive()] == ["now"]
    assert [message.body for message in receive_within(pair.consumer, 5)] == ["later"]
    assert time.monotonic() - began >= 0.95


def test_a_message_is_hidden_while_somebody_works_on_it_and_comes_back_afterwards(pair: QueuePair) -> None:
    pair.queue.send("work")
    (first,) = pair.consumer.receive(visibility_seconds=1)
    assert pair.consumer.receive() == []
    (second,) = receive_within(pair.consumer, 5)
    assert (second.id, second.body) == (first.id, first.body)
    assert second.receipt != first.receipt


def test_a_deleted_message_does_not_come_back(pair: QueuePair) -> None:
    pair.queue.send("done")
    (message,) = pair.consumer.receive(visibility_seconds=1)
    pair.consumer.delete(message.receipt)
    assert receive_within(pair.consumer, 1.5) == []
    assert pair.queue.depth() == 0


def test_a_postponed_message_comes_when_it_was_postponed_to(pair: QueuePair) -> None:
    pair.queue.send("again")
    (message,) = pair.consumer.receive(visibility_seconds=30)
    pair.queue.postpone(message.receipt, 1)
    assert pair.consumer.receive() == []
    assert [each.id for each in receive_within(pair.consumer, 5)] == [message.id]


def test_a_message_can_be_postponed_beyond_its_visibility_time(pair: QueuePair) -> None:
    pair.queue.send("again")
    (message,) = pair.consumer.receive(visibility_seconds=1)
    pair.queue.postpone(message.receipt, 60)
    assert receive_within(pair.consumer, 1.5) == []


def test_a_message_postponed_by_nothing_comes_at_once(pair: QueuePair) -> None:
    pair.queue.send("again")
    (message,) = pair.consumer.receive(visibility_seconds=30)
    pair.queue.postpone(message.receipt, 0)
    assert [each.id for each in receive_within(pair.consumer, 5)] == [message.id]


def test_a_receipt_whose_message_is_gone_is_harmless(pair: QueuePair) -> None:
    pair.queue.send("done")
    (message,) = pair.consumer.receive()
    pair.consumer.delete(message.receipt)
    pair.queue.postpone(message.receipt, 10)
    pair.queue.send("next")
    assert [each.body for each in pair.consumer.receive()] == ["next"]


def test_receivers_at_the_same_time_never_share_a_message(pair: QueuePair) -> None:
    for number in range(40):
        pair.queue.send(str(number))

    def take_all(_: int) -> list[str]:
        _queue, consumer = pair.open()
        bodies: list[str] = []
        while found := consumer.receive(limit=3):
            bodies += [message.body for message in found]
        return bodies

    with ThreadPoolExecutor(8) as threads:
        taken = Counter(body for bodies in threads.map(take_all, range(8)) for body in bodies)
    assert taken == Counter(str(number) for number in range(40))


def test_what_was_received_too_often_goes_to_the_dead_letter_queue(pair: QueuePair) -> None:
    pair.queue.send("poison")
    for _ in range(MAX_RECEIVE_COUNT):
        (message,) = receive_within(pair.consumer, 5)
        pair.queue.postpone(message.receipt, 0)
    assert pair.consumer.receive() == []
    (dead,) = receive_within(pair.dead_consumer, 5)
    assert (dead.id, dead.body) == (message.id, "poison")
    assert (pair.queue.depth(), pair.dead.depth()) == (0, 1)


@pytest.mark.parametrize(
    "body", ["x" * MAX_BODY_BYTES, "€" * (MAX_BODY_BYTES // 3), '{"name": "Zürich 🔌 充电"}\t\r\n']
)
def test_a_body_comes_as_it_was_sent(pair: QueuePair, body: str) -> None:
    pair.queue.send(body)
    assert [message.body for message in pair.consumer.receive()] == [body]


@pytest.mark.parametrize("body", ["", "x" * (MAX_BODY_BYTES + 1), "€" * (MAX_BODY_BYTES // 3 + 1), "\0", "\ufffe"])
def test_a_body_that_sqs_does_not_take_is_refused(pair: QueuePair, body: str) -> None:
    with pytest.raises(ValueError, match="a message"):
        pair.queue.send(body)
    assert pair.queue.depth() == 0


@pytest.mark.parametrize("seconds", [-1, 901])
def test_a_delay_that_sqs_does_not_take_is_refused(pair: QueuePair, seconds: int) -> None:
    with pytest.raises(ValueError, match="900 seconds"):
        pair.queue.send("x", delay_seconds=seconds)


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_a_message_cannot_be_postponed_longer_than_sqs_hides_it(pair: QueuePair, seconds: int) -> None:
    pair.queue.send("x")
    (message,) = pair.consumer.receive()
    with pytest.raises(ValueError, match="43200 seconds"):
        pair.queue.postpone(message.receipt, seconds)


def test_the_depth_counts_hidden_and_delayed_messages_too(pair: QueuePair) -> None:
    pair.queue.send("hidden")
    pair.consumer.receive()
    pair.queue.send("waiting")
    pair.queue.send("delayed", delay_seconds=60)
    assert pair.queue.depth() == 3


# Only SQS


@pytest.mark.parametrize(
    "code", ["ReceiptHandleIsInvalid", "InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight"]
)
def test_whatever_sqs_calls_a_receipt_that_is_no_longer_good_is_harmless(code: str) -> None:
    client = sqs_client()
    with Stubber(client) as stub:
        stub.add_client_error("change_message_visibility", code)
        SQSQueue("https://sqs.eu-west-1.amazonaws.com/000000000000/Work", client).postpone("receipt", 1)


@pytest.mark.parametrize("pair", ["moto", "ministack"], indirect=True)
def test_a_queue_that_is_not_there_is_an_error(pair: QueuePair) -> None:
    assert isinstance(pair.consumer, SQSConsumer)
    gone = SQSQueue(f"{pair.consumer.url}-gone", pair.consumer.client)
    with pytest.raises(ClientError):
        gone.send("x")
    with pytest.raises(ClientError):
        gone.postpone("receipt", 1)
    with pytest.raises(ClientError):
        gone.depth()


# Only SQLite


def test_a_message_whose_receiver_is_killed_comes_again(tmp_path: Path) -> None:
    queues = SQLiteQueues(tmp_path / "queues.db")
    queues.send("Work", "survives")
    with subprocess.Popen(
        [sys.executable, "-c", TAKER, tmp_path / "queues.db"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(LAYER)},
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "survives\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert queues.receive("Work", 1, 30) == []
    deadline = time.monotonic() + 10
    while not (found := queues.receive("Work", 1, 30)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [(message.body, message.receive_count) for message in found] == [("survives", 2)]
    queues.close()


def test_what_is_sent_survives_the_process_and_is_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "queues.db"
    program = (
        f"from ocpi.queues.open import open_queue; open_queue('sqlite:{path}#Work').send('x'); import os; os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", program], check=False, env=os.environ | {"PYTHONPATH": str(LAYER)})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    queues = SQLiteQueues(path)
    assert [message.body for message in queues.receive("Work", 10, 30)] == ["x"]
    queues.close()


def test_a_message_tells_its_age_and_how_often_it_came(tmp_path: Path) -> None:
    now = [1000.0]
    queues = SQLiteQueues(tmp_path / "queues.db", clock=lambda: now[0])
    queues.send("Work", "x")
    now[0] = 1005.0
    queues.receive("Work", 1, 10)
    now[0] = 1015.0
    (message,) = queues.receive("Work", 1, 10)
    assert (message.sent_at, message.first_received_at, message.receive_count) == (1000.0, 1005.0, 2)
    queues.close()


def test_a_receipt_of_an_earlier_time_does_not_touch_who_has_the_message_now(queues: SQLiteQueues) -> None:
    queues.send("Work", "x")
    (first,) = queues.receive("Work", 1, 0)
    (second,) = queues.receive("Work", 1, 30)
    queues.postpone("Work", first.receipt, 0)
    queues.delete([first.receipt])
    assert queues.receive("Work", 1, 30) == []
    queues.delete([second.receipt])
    assert queues.depth("Work") == 0


def test_a_receipt_does_not_postpone_a_message_that_is_visible_again(queues: SQLiteQueues) -> None:
    queues.send("Work", "x")
    (message,) = queues.receive("Work", 1, 0)
    queues.postpone("Work", message.receipt, 60)
    assert [again.id for again in queues.receive("Work", 1, 30)] == [message.id]


@pytest.mark.parametrize("body", ["CAST(x'fffe' AS TEXT)", "x'fffe'"], ids=["text", "blob"])
def test_a_body_that_somebody_wrote_and_is_no_text_holds_up_no_other(
    queues: SQLiteQueues, tmp_path: Path, body: str
) -> None:
    for number in range(3):
        queues.send("Work", str(number))
    with closing(sqlite3.connect(tmp_path / "queues.db")) as db, db:
        db.execute(f"UPDATE messages SET body = {body} WHERE body = '1'")  # noqa: S608 - of constants
    assert sorted(message.body for message in queues.receive("Work", 10, 5)) == ["0", "2", "\ufffd\ufffd"]


def test_queues_of_one_file_do_not_mix(queues: SQLiteQueues) -> None:
    queues.send("One", "1")
    queues.send("Two", "2")
    assert [message.body for message in queues.receive("Two", 10, 30)] == ["2"]
    assert queues.depth("One") == 1


def test_a_message_is_forgotten_after_the_retention_period_also_in_the_dead_letter_queue(tmp_path: Path) -> None:
    now = [1000.0]
    queues = SQLiteQueues(tmp_path / "queues.db", clock=lambda: now[0])
    queues.declare("Work", QueueAttributes(retention_seconds=60, dead_letter_queue="Dead", max_receive_count=1))
    queues.declare("Dead", QueueAttributes(retention_seconds=100))
    queues.send("Work", "dies")
    queues.receive("Work", 1, 0)
    assert queues.receive("Work", 1, 0) == []
    queues.send("Work", "expires")
    now[0] = 1060.0
    assert (queues.depth("Work"), queues.depth("Dead")) == (0, 1)
    assert queues.receive("Work", 1, 30) == []
    now[0] = 1100.0
    assert queues.depth("Dead") == 0
    queues.close()


def test_the_delay_of_the_queue_is_for_messages_without_one(tmp_path: Path) -> None:
    now = [1000.0]
    queues = SQLiteQueues(tmp_path / "queues.db", clock=lambda: now[0])
    queues.declare("Work", QueueAttributes(delay_seconds=5))
    queues.send("Work", "queue's")
    queues.send("Work", "own", 2)
    assert queues.next_visible_at("Work") == 1002.0
    now[0] = 1004.0
    assert [message.body for message in queues.receive("Work", 10, 30)] == ["own"]
    now[0] = 1005.0
    assert [message.body for message in queues.receive("Work", 10, 30)] == ["queue's"]
    queues.close()


def test_a_listener_hears_of_what_is_sent_postponed_and_dead(queues: SQLiteQueues) -> None:
    queues.declare("Work", QueueAttributes(dead_letter_queue="Dead", max_receive_count=1))
    work, dead = queues.listener("Work"), queues.listener("Dead")
    queues.send("Work", "x")
    assert work.is_set()
    work.clear()
    (message,) = queues.receive("Work", 1, 30)
    assert not work.is_set()
    queues.postpone("Work", message.receipt, 0)
    assert work.is_set()
    assert not dead.is_set()
    queues.receive("Work", 1, 30)
    assert dead.is_set()


def test_released_messages_are_visible_at_once_and_delayed_ones_stay_delayed(queues: SQLiteQueues) -> None:
    queues.send("Work", "taken")
    queues.receive("Work", 1, 600)
    queues.send("Work", "delayed", 600)
    queues.release("Work")
    assert [message.body for message in queues.receive("Work", 10, 30)] == ["taken"]


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "queues.db"
    SQLiteQueues(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(sqlite3.DatabaseError, match="schema version 99"):
        SQLiteQueues(path)


# Which adapter


def test_a_queue_of_a_file_is_the_same_for_the_whole_process(tmp_path: Path) -> None:
    where = f"sqlite:{tmp_path}/a#b/queues.db#Work"
    listener = queues_in(tmp_path / "a#b" / "queues.db").listener("Work")
    opened = open_queue(where)
    assert isinstance(opened, SQLiteQueue)
    opened.send("x")
    assert listener.is_set()
    assert open_queue(where).depth() == 1
    queues_in(tmp_path / "a#b" / "queues.db").close()


def test_a_queue_of_sqs_needs_no_aws_until_it_is_used() -> None:
    assert isinstance(open_queue("sqs:https://sqs.eu-central-1.amazonaws.com/000000000000/Work"), SQSQueue)


def test_opening_a_file_needs_no_boto3(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom ocpi.queues.open import open_queue\n"
        f"open_queue('sqlite:{tmp_path}/queues.db#Work').send('x')\nprint('boto3' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(LAYER)},
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("where", ["", "sqs:", "sqlite:", "sqlite:x", "sqlite:x#", "sqlite:#Work", "kafka:x"])
def test_anything_else_is_no_queue(where: str) -> None:
    with pytest.raises(ValueError, match="a queue is"):
        open_queue(where)
