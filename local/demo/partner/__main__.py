"""``python -m local.demo.partner``: one customer of the demo's eMSP charges for a moment, told step by step.

Needs a running ``make run`` on the same data folder (``--data`` or ``DATA``). May be repeated. Exit code 0, or 1 when
something did not go as it should.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from local.demo.partner.party import PartnerError, Party
from local.demo.partner.server import PartnerServer, cards_of_partner
from local.demo.tokens import PARTNER
from local.demo.wire import to_wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Document = dict[str, Any]

RESULT_SECONDS = 45
"""Longer than any charge point has for its answer."""
END_SECONDS = 90
"""From STOP_SESSION to the CDR: a car stays a minute at least."""


class Story:
    """What happens, in order."""

    def __init__(self, party: Party, server: PartnerServer, seconds: float) -> None:
        """``seconds``: how long to charge."""
        self._party, self._server, self._seconds = party, server, seconds
        self._since = quote(to_wire(datetime.now(UTC) - timedelta(seconds=5)))

    def tell(self) -> None:
        """All of it; raises :class:`PartnerError`."""
        _say(f"The demo's eMSP ({PARTNER['country_code']}-{PARTNER['party_id']}): ", "")
        _say(self._party.register())
        cards = cards_of_partner()
        self._push(cards)
        location, evse = self._free_evse()
        card = random.choice([each for each in cards if each["valid"]])
        _say(f"{card['auth_id']} is at {location['name']}, {location['city']}: EVSE {evse['uid']} is free")
        self._command("START_SESSION", {"token": card, "location_id": location["id"], "evse_uid": evse["uid"]})
        session = self._watch(card, evse)
        self._command("STOP_SESSION", {"session_id": session["id"]})
        self._end(session)

    def _push(self, cards: list[Document]) -> None:
        endpoint = f"{self._party.endpoints['tokens']}/{PARTNER['country_code']}/{PARTNER['party_id']}"
        for card in cards:
            self._party.send("PUT", f"{endpoint}/{card['uid']}", card)
        _say(f"pushed {len(cards)} charge cards")

    def _free_evse(self) -> tuple[Document, Document]:
        """One with direct current, if there is: there the meter runs fastest."""
        free = [
            (location, evse)
            for location in self._party.pages(self._party.endpoints["locations"])
            for evse in location.get("evses", ())
            if evse["status"] == "AVAILABLE" and "REMOTE_START_STOP_CAPABLE" in evse.get("capabilities", ())
        ]
        fast = [each for each in free if each[1]["connectors"][0]["power_type"] == "DC"]
        if not free:
            raise PartnerError("no EVSE is free")
        return random.choice(fast or free)

    def _command(self, command: str, request: Document) -> None:
        body = {**request, "response_url": self._server.new_response_url()}
        response = self._party.send("POST", f"{self._party.endpoints['commands']}/{command}", body)
        _say(f"{command}: {response['result']} at once", "")
        if response["result"] != "ACCEPTED":
            raise PartnerError("so that is the end")
        started = time.monotonic()
        try:
            result = self._server.results.get(timeout=RESULT_SECONDS)
        except queue.Empty:
            raise PartnerError("and no result came") from None
        _say(f"; the charge point, {time.monotonic() - started:.1f} s later: {result}")
        if result != "ACCEPTED":
            raise PartnerError("so that is the end")

    def _watch(self, card: Document, evse: Document) -> Document:
        """The session, after so many seconds of it were shown."""

        def going_on() -> Document | None:
            return self._find("sessions", lambda each: _is_of(each, card, evse) and each["status"] == "ACTIVE")

        session, shown, end = _wait(going_on, "session"), None, time.monotonic() + self._seconds
        while time.monotonic() < end:
            session = going_on() or session
            if session["kwh"] != shown:
                shown = session["kwh"]
                _say(f"  {session['id']} {session['status']}: {shown:.3f} kWh, {session['total_cost']:.2f} EUR")
            time.sleep(0.5)
        return session

    def _end(self, session: Document) -> None:
        def over() -> Document | None:
            return self._find("sessions", lambda each: each["id"] == session["id"] and each["status"] == "COMPLETED")

        def billed() -> Document | None:
            return self._find("cdrs", lambda each: each["auth_id"] == ended["auth_id"] and _same_time(each, ended))

        ended = _wait(over, "end of the session")
        _say(f"  {ended['id']} {ended['status']}: {ended['kwh']:.3f} kWh, {ended['total_cost']:.2f} EUR")
        cdr = _wait(billed, "CDR")
        place = cdr["location"]
        short = {**cdr, "location": {"id": place["id"], "evses": [{"uid": place["evses"][0]["uid"]}]}}
        _say("and its CDR (location and tariffs shortened):")
        _say(json.dumps({**short, "tariffs": [tariff["id"] for tariff in cdr.get("tariffs", ())]}, indent=2))

    def _find(self, module: str, fits: Callable[[Document], bool]) -> Document | None:
        changed = self._party.pages(f"{self._party.endpoints[module]}?date_from={self._since}")
        return next((each for each in changed if fits(each)), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.demo.partner", description="A customer of the demo charges.")
    folder = Path(os.environ.get("DATA") or ".local")
    parser.add_argument("--data", type=Path, default=folder, help="the folder of `make run` (DATA, .local)")
    parser.add_argument("--seconds", type=float, default=20, help="how long to charge (20)")
    options = parser.parse_args(arguments)
    try:
        with PartnerServer() as server:
            Story(Party(options.data, server), server, options.seconds).tell()
    except PartnerError as error:
        print(f"\ndemo partner: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo partner: gone; the session goes on", file=sys.stderr)
        return 1
    return 0


def _is_of(session: Document, card: Document, evse: Document) -> bool:
    return bool(session["auth_id"] == card["auth_id"] and session["location"]["evses"][0]["uid"] == evse["uid"])


def _same_time(cdr: Document, session: Document) -> bool:
    begun, ended = session["start_datetime"], session["end_datetime"]
    return bool((cdr["start_date_time"], cdr["stop_date_time"]) == (begun, ended))


def _wait(look: Callable[[], Document | None], what: str) -> Document:
    deadline = time.monotonic() + END_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise PartnerError(f"the {what} did not come")
        time.sleep(0.5)
    return found


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
