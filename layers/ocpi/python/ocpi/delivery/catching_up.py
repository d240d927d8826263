"""Comparing what a partner got with what there is, a page at a time: what fell through everywhere else is found here.

What remains to be compared is kept in the partner's channel, so that whoever dies leaves it to the next.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from ocpi import strict_json
from ocpi.delivery import plans
from ocpi.delivery.channel import change_channel
from ocpi.delivery.instants import instant_at
from ocpi.delivery.marking import Marking, Wanted, pending
from ocpi.delivery.recipients import ADDRESSED, DELETABLE, MODULES, ONCE, is_for, switched_on, takes
from ocpi.objects.poisoned import read_many, readable
from ocpi.store.deliveries import HELD, DeliveryState
from ocpi.store.port import OWN, Collection, Conflict, Key, PageQuery, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocpi.delivery.channel import Lease
    from ocpi.store.deliveries import Channel, Channels, Delivery
    from ocpi.store.port import Partner, Store

PAGE = 200
STEP_SECONDS = 1.0
"""So long pages that show nothing new are gone through before it is written down how far that came."""
What = Literal["failed", "waiting", "held", "objects", "arrived", "gone"]


@dataclass(frozen=True, slots=True)
class Job:
    """One list to go through: deliveries that ``failed``; all that are ``waiting``, which are due at once then; those
    of a module that are ``held``, for as long as it is switched off; our own ``objects`` of a module; those that
    ``arrived`` since ``updated_from`` (an instant with six decimals); deliveries of objects that are ``gone``, of a
    module. ``everything``: whatever the partner got, or may have got, of them. ``updated_from`` of ``objects``
    (``YYYY-MM-DDTHH:MM:SSZ``): only those updated since. ``after`` is how far it has come.
    """

    what: What
    module: str | None = None
    everything: bool = False
    updated_from: str | None = None
    after: str | None = None


def all_jobs(partner: Partner, *, everything: bool = False, updated_from: str | None = None) -> list[Job]:
    """A comparison of all that a partner may see. What is deleted is looked for only without ``updated_from``."""
    jobs = [Job("objects", module, everything, updated_from) for module in MODULES[partner.role]]
    if updated_from:
        return jobs
    return [*jobs, *(Job("gone", module) for module in MODULES[partner.role] if module in DELETABLE)]


def start(channels: Channels, partner_id: str, jobs: Sequence[Job]) -> None:
    """Have these done by whoever delivers next; one that is under way begins anew if more is asked of it."""

    def add(channel: Channel) -> Channel:
        return replace(channel, catch_up=written(_joined(read(channel.catch_up), jobs)))

    change_channel(channels, partner_id, add)


def read(text: str | None) -> list[Job]:
    """The jobs in a channel."""
    return [Job(**job) for job in strict_json.read(text)] if text else []


def written(jobs: Sequence[Job]) -> str | None:
    """Jobs as a channel keeps them."""
    shown = [{name: value for name, value in asdict(job).items() if value} for job in jobs]
    return strict_json.write(shown) if shown else None


def _joined(known: Sequence[Job], more: Sequence[Job]) -> list[Job]:
    jobs = {(job.what, job.module): job for job in known}
    for job in more:
        other = jobs.get((job.what, job.module))
        if other is not None:
            since = min(job.updated_from, other.updated_from) if job.updated_from and other.updated_from else None
            job = replace(job, everything=job.everything or other.everything, updated_from=since)  # noqa: PLW2901 - of both
        jobs[job.what, job.module] = job
    return list(jobs.values())


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """Goes through jobs. ``clock`` is in seconds since 1970."""

    store: Store
    clock: Callable[[], float]

    def step(self, partner: Partner, lease: Lease) -> bool:
        """Pages of the jobs of a channel, up to one that shows something to be sent; whether one does."""
        ends = self.clock() + STEP_SECONDS
        rests: dict[Job, Job | None] = {}
        marked = 0
        for job in read(lease.channel.catch_up):
            rest: Job | None = job
            while rest is not None and not marked and (not rests or self.clock() < ends):
                marked, rest = self.page(partner, rest)
                rests[job] = rest
            if rest is not None:
                break

        def advance(channel: Channel) -> Channel:
            now = read(channel.catch_up)
            # One was asked for again in the meantime, and begins anew, unless it is still one that was worked on.
            jobs = [rests.get(each, each) for each in now]
            return replace(channel, catch_up=written([each for each in jobs if each is not None]))

        lease.change(advance)
        return marked > 0

    def page(self, partner: Partner, job: Job) -> tuple[int, Job | None]:
        """Mark what one page shows; how much that was, and what remains of the job."""
        match job.what:
            case "failed":
                mark = self._decided if job.everything else self._failed
                return self._deliveries(partner, job, DeliveryState.FAILED, mark)
            case "waiting":
                return self._deliveries(partner, job, DeliveryState.PENDING, self._waiting)
            case "held":
                return self._held(partner, job)
            case "gone":
                return self._deliveries(partner, job, DeliveryState.DELIVERED, self._gone)
            case "objects" | "arrived":
                return self._objects(partner, job)

    def _deliveries(
        self,
        partner: Partner,
        job: Job,
        state: DeliveryState,
        mark: Callable[[Partner, Sequence[Delivery]], int],
    ) -> tuple[int, Job | None]:
        page = self.store.deliveries.page(partner.id, state, PAGE, job.after, module=job.module)
        rest = replace(job, after=page.next) if page.next is not None else None
        return (mark(partner, page.deliveries) if page.deliveries else 0), rest

    def _decided(self, partner: Partner, deliveries: Sequence[Delivery]) -> int:
        """What could not be looked up, the operator wants sent even if the partner should have it."""
        return self._failed(
            partner, [replace(each, unsure=False) if each.key.module in ONCE else each for each in deliveries]
        )

    def _failed(self, partner: Partner, deliveries: Sequence[Delivery]) -> int:
        return self._put([pending(each, self._now(), held=not _sent(partner, each)) for each in deliveries])

    def _waiting(self, partner: Partner, deliveries: Sequence[Delivery]) -> int:
        now = self._now()
        later = [each for each in deliveries if each.due is not None and each.due > now and _sent(partner, each)]
        self._put([replace(each, due=now) for each in later])
        return sum(_sent(partner, each) or each.due != HELD for each in deliveries)

    def _held(self, partner: Partner, job: Job) -> tuple[int, Job | None]:
        """Only where something may go: what is held stays last in the list of what is pending, by modules."""
        module = str(job.module)
        if not takes(partner, module) or not switched_on(partner, module):
            return 0, None
        after = job.after or f"{HELD}#{module}#"
        page = self.store.deliveries.page(partner.id, DeliveryState.PENDING, PAGE, after)
        held = [each for each in page.deliveries if each.due == HELD and each.key.module == module]
        # The list goes on with what is held of the next module.
        ended = page.next is None or page.deliveries[-1].key.module != module
        return self._waiting(partner, held) if held else 0, None if ended else replace(job, after=page.next)

    def _gone(self, partner: Partner, deliveries: Sequence[Delivery]) -> int:
        deletable = [each.key for each in deliveries if each.key.module in DELETABLE]
        keys = [Key(Collection(OWN, key.module), key.object_id) for key in deletable]
        # One that cannot be read is there, and must not be deleted at the partner.
        records = read_many(self.store.objects, keys)
        wanted = [
            Wanted(partner, key.module, key.object_id, None)
            for key, record in zip(deletable, records, strict=True)
            if record is None
        ]
        return _going(Marking(self.store.deliveries, self.clock).compared(wanted))

    def _objects(self, partner: Partner, job: Job) -> tuple[int, Job | None]:
        module = str(job.module)
        if not takes(partner, module):
            return 0, None
        collection = Collection(OWN, module)
        query = PageQuery(
            collection,
            limit=PAGE,
            after=job.after,
            order="last_updated" if job.what == "objects" and job.updated_from else "created",
            updated_from=job.updated_from if job.what == "objects" else None,
            created_from=job.updated_from if job.what == "arrived" else None,
            audience=partner.party if module in ADDRESSED else None,
            counted=False,
        )
        page = self.store.objects.page(query)
        ids = readable(page.documents, lambda document: plans.object_id(module, document), collection)
        keys = [Key(collection, object_id) for object_id in ids]
        wanted = [
            Wanted(partner, module, record.key.id, record)
            for record in read_many(self.store.objects, keys)
            if isinstance(record, Record) and is_for(partner, record)
        ]
        marked = Marking(self.store.deliveries, self.clock).compared(wanted, everything=job.everything)
        return _going(marked), replace(job, after=page.next) if page.next is not None else None

    def _put(self, deliveries: Sequence[Delivery]) -> int:
        """What somebody wrote meanwhile is pending already, or done."""
        written = self.store.deliveries.put_many(deliveries) if deliveries else []
        return _going([each for each in written if not isinstance(each, Conflict)])

    def _now(self) -> str:
        return instant_at(self.clock())


def _going(marked: Sequence[Delivery]) -> int:
    """How many of these are not held."""
    return sum(each.due != HELD for each in marked)


def _sent(partner: Partner, delivery: Delivery) -> bool:
    return takes(partner, delivery.key.module) and switched_on(partner, delivery.key.module)
