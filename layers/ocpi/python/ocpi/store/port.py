"""The store port: what the rest of the system asks of a database, in the project's own terms.

Two adapters stand behind it, :mod:`ocpi.store.sqlite` and :mod:`ocpi.store.dynamodb`, and one contract
suite (``tests/contract``) runs over both. Nothing here names a field of any OCPI version: objects are
documents (canonical JSON text) with a few indexed attributes, so a second version needs no change here.

All instants are text in UTC that sorts as time does: ``last_updated`` as ``YYYY-MM-DDTHH:MM:SSZ``,
``created`` and ``received`` with six decimals (``YYYY-MM-DDTHH:MM:SS.ffffffZ``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocpi.store.deliveries import Channels, Deliveries
    from ocpi.store.exchanges import Exchanges
    from ocpi.store.failures import Failures

OWN = "own"
"""Owner of the operator's own objects; a received object is owned by a party such as ``NL-TNM``."""

EVERYBODY = "*"
"""The audience of what every partner of the fitting role may see."""

MAX_PAGE_BYTES = 4_500_000
"""A page ends before its documents exceed this many UTF-8 bytes: Lambda answers with at most 6 MB."""

MAX_DOCUMENT_BYTES = MAX_PAGE_BYTES
"""UTF-8 bytes of a document that is taken: a longer one could be kept, but never be answered with."""

MAX_LOOKUP_BYTES = 2048
"""UTF-8 bytes of a :attr:`Draft.lookup`: as many as the key of a DynamoDB index may have."""


class Conflict(Exception):
    """The record is not, or no longer, at the revision that the writer had read. Read again and decide anew."""


class TooLarge(Exception):
    """The document is longer than :data:`MAX_DOCUMENT_BYTES`, or than the database can hold, even compressed; nothing
    was written. The message gives both figures, in bytes, and nothing of the document.
    """

    def __init__(self, size: int, limit: int, *, compressed: bool = False) -> None:
        super().__init__(f"it has {size} bytes{' after compression' if compressed else ''}, {limit} are possible")


def check_length(document: str) -> None:
    """Raise :class:`TooLarge` for a document that no answer has room for."""
    size = len(document.encode())
    if size > MAX_DOCUMENT_BYTES:
        raise TooLarge(size, MAX_DOCUMENT_BYTES)


class Uncounted(Exception):
    """Changes of objects could not be counted and will not be tried again. Pages of their collections, which are its
    arguments, are right all the same but cost more until the counters are built anew.
    """


class PartyTaken(Exception):
    """Another partner of the same role already holds this party (country code and party id)."""


@dataclass(frozen=True, slots=True)
class Collection:
    """All objects of one module that one owner has: ``Collection("own", "locations")``."""

    owner: str
    module: str

    @classmethod
    def parse(cls, text: str) -> Collection:
        """The collection whose ``str()`` this is."""
        owner, _, module = text.rpartition("/")
        return cls(owner, module)

    def __str__(self) -> str:
        return f"{self.owner}/{self.module}"


@dataclass(frozen=True, slots=True)
class Key:
    """What identifies an object. ``id`` is spelled as its sender did; two ids that differ only by case are
    one key to the store (a token's id is ``TYPE/uid``), and callers compare the spelling where it matters.
    """

    collection: Collection
    id: str

    @property
    def folded_id(self) -> str:
        """The id as keys compare it."""
        return self.id.lower()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a caller gives to be stored. ``document`` is canonical JSON text, stored and given back as it is.

    ``audience`` says who may see an own object: ``*`` for every partner, one party, or ``None`` for nobody.
    ``lookup`` is a second name under which :meth:`Objects.find` finds it, shared by any number of objects, compared
    exactly and 1 to :data:`MAX_LOOKUP_BYTES` long (raises :class:`ValueError`). ``due`` is when :meth:`Objects.due`
    hands it out to be looked at again (``YYYY-MM-DDTHH:MM:SSZ``). ``findings`` is what is remarkable about the
    document, in sentences. ``journal`` says what its latest writes changed: short text that the store only keeps.
    """

    version: str
    document: str
    last_updated: str
    audience: str | None = None
    lookup: str | None = None
    due: str | None = None
    findings: tuple[str, ...] = ()
    journal: str = ""

    def __post_init__(self) -> None:
        if self.lookup is not None and not 0 < len(self.lookup.encode()) <= MAX_LOOKUP_BYTES:
            raise ValueError(f"a lookup has 1 to {MAX_LOOKUP_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Record:
    """An object as it is stored. ``revision`` counts its writes from 1; ``created`` never changes."""

    key: Key
    version: str
    document: str
    last_updated: str
    audience: str | None
    revision: int
    created: str
    received: str
    lookup: str | None = None
    due: str | None = None
    findings: tuple[str, ...] = ()
    journal: str = ""

    @property
    def write(self) -> str:
        """A name for the write that made it so; an object that was deleted and made anew never has an old one."""
        return f"{self.revision}-{self.created}"

    def draft(self, **changes: Any) -> Draft:
        """What would store it again as it is, but for ``changes``: fields of :class:`Draft`."""
        same = Draft(
            version=self.version,
            document=self.document,
            last_updated=self.last_updated,
            audience=self.audience,
            lookup=self.lookup,
            due=self.due,
            findings=self.findings,
            journal=self.journal,
        )
        return replace(same, **changes)


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional write of :meth:`Objects.put_many`; ``expected`` as in :meth:`Objects.put`."""

    key: Key
    draft: Draft
    expected: int | None


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page of a collection.

    ``order``: ``created`` is the order of arrival, in which no update moves anything; ``last_updated`` is needed
    for ``updated_from`` (inclusive) and ``updated_to`` (exclusive), both ``YYYY-MM-DDTHH:MM:SSZ``. Ties break
    by folded id. With ``audience`` only objects of exactly that audience are listed and counted, at the same cost as a
    collection of their own (``*`` is an audience like any other here). ``created`` is for the audience of a party the
    order in which objects came to have one: what was nobody's or everybody's until now comes last, even if it arrived
    first, so that whoever crawls by ``after`` or ``offset`` meets it. What goes from one party's audience to another's
    keeps its place; what is taken back and given again gets a new one. For ``*`` it is the order of arrival, and
    ``last_updated`` is the same for all. ``after`` is the ``next`` of an earlier page of the same query and wins over
    ``offset``; one that moved since is neither missed nor in the way. ``created_from`` (an instant with six decimals,
    inclusive) is for ``created`` what ``updated_from`` is for ``last_updated``: only what has its place in that order
    since then. Not ``counted``, a page costs no look at all that is not in it.
    """

    collection: Collection
    limit: int
    offset: int = 0
    after: str | None = None
    order: Literal["created", "last_updated"] = "created"
    updated_from: str | None = None
    updated_to: str | None = None
    audience: str | None = None
    max_bytes: int = MAX_PAGE_BYTES
    created_from: str | None = None
    counted: bool = True

    def __post_init__(self) -> None:
        if self.order == "created" and (self.updated_from or self.updated_to):
            raise ValueError("a filter on last_updated needs order='last_updated'")
        if self.order != "created" and self.created_from:
            raise ValueError("a filter on the order of arrival needs order='created'")
        if self.limit < 1 or self.offset < 0:
            raise ValueError("limit must be at least 1 and offset at least 0")


@dataclass(frozen=True, slots=True)
class Page:
    """Documents in order; ``total`` counts all that the query matches, whatever ``limit`` and ``offset``; 0 where
    nobody asked for it.

    ``next`` is the position after the last document, or ``None`` when nothing follows it. A page holds at
    least one document if any is left, however long that is.
    """

    documents: list[str]
    total: int
    next: str | None


class Objects(Protocol):
    """Objects of every module, own and received."""

    def get(self, key: Key) -> Record | None:
        """The record now stored, strongly consistent."""

    def get_many(self, keys: Sequence[Key]) -> list[Record | None]:
        """As :meth:`get` for many keys (any number, repeats allowed), in their order."""

    def put(self, key: Key, draft: Draft, *, expected: int | None) -> Record:
        """Store a draft if the record is at revision ``expected``; ``None``: if there is no record yet.

        Raises :class:`Conflict` otherwise, and then nothing was written; :class:`TooLarge` if the document
        is too long for an answer or for the database. A replaced record keeps ``created`` and the spelling of its id.
        """

    def put_many(self, writes: Sequence[Write]) -> list[Record | Conflict | TooLarge]:
        """Many independent :meth:`put`, for bulk loads; keys must be distinct. In order, what became of each."""

    def delete(self, key: Key, *, expected: int) -> None:
        """Remove a record that is at revision ``expected``; raises :class:`Conflict` otherwise."""

    def find(self, lookup: str) -> list[Record]:
        """The records that have this lookup, in no particular order. One written a moment ago may still be missing
        (an index may lag), but none is returned that does not have it now.
        """

    def due(self, at: str, limit: int) -> list[Record]:
        """Up to ``limit`` records whose ``due`` is not after ``at``, the longest overdue first; lags as :meth:`find`
        does, and returns none that is not due now.
        """

    def page(self, query: PageQuery) -> Page:
        """One page of a collection, with the exact total."""


class PartnerStatus(StrEnum):
    """Where the registration of a partner stands. ``REGISTERING`` is ours alone: a handshake that we started
    and that has not ended; such a partner is shown to nobody.
    """

    INVITED = "INVITED"
    REGISTERING = "REGISTERING"
    REGISTERED = "REGISTERED"
    SUSPENDED = "SUSPENDED"
    UNREGISTERED = "UNREGISTERED"


@dataclass(frozen=True, slots=True)
class Partner:
    """A party that we are, or are to be, connected with. ``role`` is the role that the partner plays.

    ``token`` is the token that we use on the partner, encrypted by :mod:`ocpi.vault`; ``grants`` are the
    hashes of the tokens that it may use on us. ``behind_since`` is set while it is not reached, or refuses everything.
    ``learned`` are habits of it that we found out ourselves, under the names of settings. ``revision`` is 0 before the
    first save. Of ``last_seen_at``, ``last_synced_at``, ``behind_since`` and ``learned`` no save but the first writes
    anything: they have methods of their own, which touch no revision.
    """

    id: str
    role: Literal["CPO", "EMSP"]
    name: str
    status: PartnerStatus
    invited_at: str
    version: str | None = None
    country_code: str | None = None
    party_id: str | None = None
    business_details: dict[str, Any] | None = None
    versions_url: str | None = None
    endpoints: tuple[dict[str, str], ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    grants: tuple[str, ...] = ()
    expires_at: str | None = None
    registered_at: str | None = None
    last_seen_at: str | None = None
    last_synced_at: str | None = None
    behind_since: str | None = None
    learned: dict[str, str] = field(default_factory=dict)
    revision: int = 0

    @property
    def party(self) -> str | None:
        """``NL-TNM``, or ``None`` before registration."""
        return f"{self.country_code}-{self.party_id}" if self.country_code and self.party_id else None


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that a partner may use on us, known only by its SHA-256 (hex).

    ``kind``: ``invitation`` (token A) opens versions and credentials only; ``handshake`` (a token B that we
    offered and whose handshake has not ended) opens versions and version details; ``registered`` opens all.
    ``replaces`` is the hash of the token that dies at the first use of this one, and ``ends`` are those that die with
    that, newest first: other successors of it, or of what came before.
    """

    hash: str
    partner_id: str
    kind: Literal["invitation", "handshake", "registered"]
    expires_at: str | None = None
    replaces: str | None = None
    ends: tuple[str, ...] = ()

    @property
    def older(self) -> tuple[str, ...]:
        """The hashes of all that die at the first use of this one."""
        return self.ends if self.replaces is None else (self.replaces, *self.ends)


@dataclass(frozen=True, slots=True)
class PartnerChange:
    """One atomic step of a registration: all of it happens, or nothing.

    ``expected`` is the revision of the partner that was read, ``None`` for a new one. ``claim_party`` takes
    the partner's party for it (role, country code and party id are unique among claims); ``release_party``
    gives it back. ``put_grants`` replaces grants of the same hash. ``shown`` is the hash of the token by which somebody
    asked for the change, if one did; it must still be a grant, and the change say what becomes of it.
    """

    partner: Partner
    expected: int | None
    put_grants: tuple[Grant, ...] = ()
    drop_grants: tuple[str, ...] = ()
    claim_party: bool = False
    release_party: bool = False
    shown: str | None = None

    def __post_init__(self) -> None:
        if self.shown is not None and self.shown not in {*self.drop_grants, *(grant.hash for grant in self.put_grants)}:
            raise ValueError("the change says nothing of the token that was shown")


class Partners(Protocol):
    """Partners, the tokens they use on us, and which party is whose."""

    def get(self, partner_id: str) -> Partner | None:
        """The partner now stored, strongly consistent."""

    def list(self) -> list[Partner]:
        """All partners, oldest invitation first."""

    def by_party(self, role: str, country_code: str, party_id: str) -> Partner | None:
        """The partner that holds this party; letter case does not count."""

    def grant(self, token_hash: str) -> Grant | None:
        """The grant of this hash, also when it has expired (callers compare ``expires_at``)."""

    def save(self, change: PartnerChange) -> Partner:
        """Carry out a change and return the partner with its new revision.

        Raises :class:`Conflict` if the partner is not at ``expected`` or the grant that was ``shown`` is gone,
        :class:`PartyTaken` if another partner holds the party. Nothing was written then.
        """

    def remove(self, partner: Partner) -> None:
        """Forget a partner that is still at ``partner.revision``, its grants and its claim.

        Raises :class:`Conflict` if it is not.
        """

    def seen(self, partner_id: str, at: str) -> None:
        """Record ``last_seen_at`` without touching ``revision``. An unknown partner is ignored."""

    def synced(self, partner_id: str, at: str) -> None:
        """The same for ``last_synced_at``."""

    def mark_behind(self, partner_id: str, since: str | None) -> None:
        """The same for ``behind_since``; ``None``: it is not behind any more."""

    def learn(self, partner_id: str, learned: dict[str, str]) -> None:
        """The same for ``learned``, which is replaced."""

    def settle(self, grant: Grant) -> None:
        """The first use of a renewed token: drop all :attr:`~Grant.older` ones, or none. Repeating it is harmless."""


class Store(Protocol):
    """Everything that is kept."""

    @property
    def objects(self) -> Objects:
        """Objects of every module."""

    @property
    def partners(self) -> Partners:
        """Partners, grants and claims."""

    @property
    def deliveries(self) -> Deliveries:
        """What each partner did and did not get."""

    @property
    def channels(self) -> Channels:
        """How deliveries to each partner go."""

    @property
    def exchanges(self) -> Exchanges:
        """Requests from and to partners, for a while."""

    @property
    def failures(self) -> Failures:
        """Failed attempts to authenticate, counted."""

    def follow(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Count what these records of the table's stream tell of objects. Harmless when repeated, whole or in part. A
        store that counts in the transactions of its writes has nothing to do. Raises :class:`Uncounted` when all but
        some was counted, others when it is to be tried again.
        """

    def signing_key(self) -> bytes:
        """32 random bytes, made at first use and the same for every process from then on; signs cursors."""

    def ping(self) -> None:
        """Raise whatever stands between us and the database; return if it answers."""
