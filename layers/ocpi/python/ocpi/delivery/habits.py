"""What one partner is like, for the time of one drain, and what is learned of it meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ocpi.registration.settings_of_partner import given_settings, partner_settings

if TYPE_CHECKING:
    from ocpi.store.port import Partner, Partners


class Habits:
    """The settings of a partner in effect; safe to share between threads."""

    def __init__(self, partners: Partners, partner: Partner) -> None:
        self._partners, self._partner_id = partners, partner.id
        self._given, effective = given_settings(partner), partner_settings(partner)
        self._learned = dict(partner.learned)
        self._lock = threading.Lock()
        self.patch: bool = effective["patch"]
        self.nulls: bool = effective["explicit_nulls"]
        self.requests_per_minute: int = effective["requests_per_minute"]
        self.proved_slash: str | None = None
        """With which ``slash`` a URL was taken: then a 404 says something about the object."""

    @property
    def encoding(self) -> str:
        """``token_encoding`` as the operator gave it."""
        given: str = self._given["token_encoding"]
        return given

    @property
    def learned_encoding(self) -> str | None:
        """What was found to work where the setting is ``auto``."""
        return self._learned.get("token_encoding")

    @property
    def slash(self) -> str:
        """``keep``, ``add`` or ``strip``, what was learned included."""
        given: str = self._given["trailing_slash"]
        return self._learned.get("trailing_slash", given) if given == "keep" else given

    @property
    def may_learn_slash(self) -> bool:
        """Whether the operator leaves the slash to us."""
        return bool(self._given["trailing_slash"] == "keep")

    def learn(self, name: str, value: str | None) -> None:
        """Remember a habit for all requests from now on."""
        with self._lock:
            if value is None or self._learned.get(name) == value:
                return
            self._learned = {**self._learned, name: value}
            self._partners.learn(self._partner_id, self._learned)
