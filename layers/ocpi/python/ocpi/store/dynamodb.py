"""The store in one DynamoDB table, on demand: what runs in AWS.

Keys, and the attributes that stand beside them::

    pk                            sk            what is there
    ----------------------------  ------------  ---------------------------------------------------------------
    OBJECT#<owner>/<module>#<id>  OBJECT        an object; <id> in lower case. collection (<owner>/<module>), id
                                                (as spelled), version, document, last_updated, revision, created,
                                                received, created_key, updated_key, write_id; if the draft gives them
                                                audience, lookup, due, findings, journal, and for indexes: view
                                                (<collection>|<audience>) and with it addressed_key; party_key (an
                                                addressed_key to be kept while it is for a party); due_list, due_key
    PARTNERS                      <partner id>  a partner. document, revision, invited_at, claim (pk of the party it
                                                holds), held_grants, write_id; notes: last_seen_at, last_synced_at,
                                                behind_since, learned
    PARTY#<role>#<CC-PID>         PARTY         whose party this is (upper case). partner_id
    GRANT#<hash>                  GRANT         a token that a partner may use on us. partner_id, kind, expires_at,
                                                replaces, expires (the same in epoch seconds, for the table's TTL)
    DELIVERIES#<partner id>       <module>#<id> what is known about bringing an own object to a partner; <id> in lower
                                                case. object_id (as spelled), state, since, attempts, unsure, revision,
                                                write_id; if there is anything to say: due, holds, last_attempt_at,
                                                http_status, ocpi_status, message, url; pending or failed: due_list,
                                                due_key
    CHANNEL#<partner id>          CHANNEL       how deliveries to a partner go. document, revision, write_id
    EXCHANGES#<partner>#<day>     <at>#<random> a request and its answer. document, expires (epoch seconds, for TTL);
                                                about one object: lookup (exchange/<subject>)
    FAILURES#<source>#<window>    FAILURES      failed attempts to authenticate of a source (an IPv4 address, an IPv6
                                                /64) in a window that ends at <window> (epoch seconds). failures,
                                                expires (that end, for TTL)
    SETTINGS                      signing_key   secret (32 bytes)
    COUNTED#<owner>/<module>#<id> COUNTED       where an object was counted. sequence, generation, places, everybody;
                                                expires, once the object is deleted
    COUNTERS#<owner>/<module>     STATE         what is known of the counters of a collection. generation,
                                                counted_by_view (they may be read),
                                                lists; doubt, if a change of it was given up; oldest, while it is
                                                built anew: the first generation that may have nodes
    COUNTERS#<list>#<generation>  <level>#<low> a node of a list's tree of counters. structure, changes, upper,
                                                =<low of a child>

    index                keys of the index         what for
    -------------------  ------------------------  -----------------------------------------------------------
    by_created           collection + created_key  pages in order of arrival; <created>#<id>
    by_updated           collection + updated_key  pages by last_updated; <last_updated>#<id>
    by_audience_created  view + addressed_key      pages of what one party may see, in the order in which it came to
                                                   be for a party; <instant of that write>#<id>, kept by later writes.
                                                   Of what is for everybody, in order of arrival; created_key
    by_audience_updated  view + updated_key        the same by last_updated
    by_lookup            lookup + pk               what has this lookup
    by_due               due_list + due_key        objects to be looked at again; "due" + <due>#<pk>
                                                   deliveries that are pending; <partner id>|pending +
                                                   <due>#<module>#<id>
                                                   deliveries that failed; <partner id>|failed + <since>#<module>#<id>

Indexes hold keys only, the first two audience as well; bodies come by batch get. The last four hold only objects
that have their keys, and by_due deliveries too. Objects have a partition each, so that a large collection is no hot
spot; partners share one, so that one strongly consistent query lists them. What is due shares one too, and so do the
deliveries of one partner: each takes about 1,000 writes a second
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html).

Indexes follow the table with a delay, usually of milliseconds. Two objects created, or given an audience, within
it may become visible in the other order, and a crawl that passes exactly then meets one of them only the next time.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from ocpi import aws
from ocpi.store.dynamodb_objects import DynamoDBObjects
from ocpi.store.dynamodb_partners import DynamoDBPartners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from ocpi.store.dynamodb_channels import DynamoDBChannels
    from ocpi.store.dynamodb_deliveries import DynamoDBDeliveries
    from ocpi.store.dynamodb_exchanges import DynamoDBExchanges
    from ocpi.store.dynamodb_failures import DynamoDBFailures

_APP = os.environ.get("AWS_SDK_UA_APP_ID")
_USER_AGENT = f"serverless-ocpi app/{_APP}" if _APP else "serverless-ocpi"
"""With the name by which a deployment may tell its callers apart in CloudTrail:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html"""

CONFIG = Config(
    # DynamoDB answers in milliseconds; what takes seconds is lost, and a request of a partner waits for it.
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "max_attempts": 3},
    # DynamoDB checks every request itself; that botocore does too is a tenth of what a page costs.
    parameter_validation=False,
    # Left to itself botocore composes a longer one anew for every request, at the same cost again.
    user_agent=_USER_AGENT,
)


@cache
def shared_client() -> DynamoDBClient:
    """The DynamoDB client of this process."""
    made: DynamoDBClient = aws.client("dynamodb", CONFIG)
    return made


class DynamoDBStore:
    """A :class:`~ocpi.store.port.Store` in the table of this name."""

    def __init__(self, table: str, client: DynamoDBClient | None = None) -> None:
        self._table = table
        self._client = client or shared_client()
        self.objects = DynamoDBObjects(self._client, table)
        self.partners = DynamoDBPartners(self._client, table)
        self._key: bytes | None = None

    @cached_property
    def deliveries(self) -> DynamoDBDeliveries:
        """As in the port."""
        from ocpi.store.dynamodb_deliveries import DynamoDBDeliveries  # noqa: PLC0415 - not every function delivers

        return DynamoDBDeliveries(self._client, self._table)

    @cached_property
    def channels(self) -> DynamoDBChannels:
        """As in the port."""
        from ocpi.store.dynamodb_channels import DynamoDBChannels  # noqa: PLC0415 - as above

        return DynamoDBChannels(self._client, self._table)

    @cached_property
    def exchanges(self) -> DynamoDBExchanges:
        """As in the port."""
        from ocpi.store.dynamodb_exchanges import DynamoDBExchanges  # noqa: PLC0415 - nor speaks with partners

        return DynamoDBExchanges(self._client, self._table)

    @cached_property
    def failures(self) -> DynamoDBFailures:
        """As in the port."""
        from ocpi.store.dynamodb_failures import DynamoDBFailures  # noqa: PLC0415 - nor authenticates anybody

        return DynamoDBFailures(self._client, self._table)

    def follow(self, records: Sequence[Mapping[str, Any]]) -> None:
        """As in the port; raises :class:`TimeoutError` if others count in the same lists all the time."""
        from ocpi.store.dynamodb_following import follow  # noqa: PLC0415 - one function only counts

        follow(self._client, self._table, records)

    def signing_key(self) -> bytes:
        """As in the port; read once by each process."""
        self._key = self._key or self._lasting_key()
        return self._key

    def _lasting_key(self) -> bytes:
        stored = self._signing_key()
        if stored is None:
            # A refusal means another's key, or our own when the answer to a first attempt was lost: read either way.
            with suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._client.put_item(
                    TableName=self._table,
                    Item={**_SIGNING_KEY, "secret": {"B": secrets.token_bytes(32)}},
                    # Race: several functions start for the first time at once; the first one's key counts.
                    ConditionExpression="attribute_not_exists(pk)",
                )
            stored = self._signing_key()
        if stored is None:
            raise RuntimeError(f"the signing key vanished from {self._table} as it was read")
        return stored

    def _signing_key(self) -> bytes | None:
        item = self._client.get_item(TableName=self._table, Key=_SIGNING_KEY, ConsistentRead=True).get("Item")
        return bytes(item["secret"]["B"]) if item else None

    def ping(self) -> None:
        """As in the port; raises what botocore raises."""
        self._client.get_item(TableName=self._table, Key=_SIGNING_KEY, ProjectionExpression="pk")


_SIGNING_KEY: dict[str, AttributeValueTypeDef] = {"pk": {"S": "SETTINGS"}, "sk": {"S": "signing_key"}}
