"""What was used up, by what it is and who used it."""

from __future__ import annotations

from collections import Counter


class Tally(Counter[tuple[str, ...]]):
    """Amounts by ``(what, function, ...)``: ``("wru", "DeliverFunction", "deliveries", "by_due")``."""

    def of(self, what: str, *more: str) -> float:
        """All amounts whose names begin so; ``""`` fits anything."""
        wanted = (what, *more)
        return sum(
            amount
            for name, amount in self.items()
            if len(name) >= len(wanted)
            and all(not want or want == got for want, got in zip(wanted, name, strict=False))
        )

    def by(self, what: str, place: int) -> dict[str, float]:
        """Amounts by the word at a place of their names, largest first."""
        found: Counter[str] = Counter()
        for name, amount in self.items():
            if name[0] == what and len(name) > place:
                found[name[place]] += amount
        return dict(found.most_common())

    def times(self, factor: float) -> Tally:
        """So many of it."""
        return Tally({name: amount * factor for name, amount in self.items()})

    def plus(self, other: Tally) -> Tally:
        """Both; amounts below zero stay, unlike those of a Counter."""
        total = Tally(self)
        total.update(other)
        return total


def on_a_line(at: tuple[float, Tally], other: tuple[float, Tally], wanted: float) -> Tally:
    """What ``wanted`` would use, if amounts grow in proportion from one size to the other: ``(size, tally)`` each."""
    (low, first), (high, second) = at, other
    share = (wanted - low) / (high - low)
    return first.times(1 - share).plus(second.times(share))
