"""The parts of the system that are mutated, each with the tests that guard it: fast ones, in one process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "layers/ocpi/python/ocpi"


@dataclass(frozen=True)
class Part:
    """``sources`` are globs below the package, ``guards`` are what pytest is called with."""

    name: str
    sources: tuple[str, ...]
    guards: tuple[str, ...]

    def files(self) -> list[Path]:
        """Relative to the root."""
        found = (path.relative_to(ROOT) for source in self.sources for path in (ROOT / PACKAGE).glob(source))
        return sorted(set(found))


PARTS = {
    part.name: part
    for part in (
        Part(
            "security",
            (
                "operator_key.py",
                "kept_secret.py",
                "strict_json.py",
                "vault/*.py",
                "exchanges/*.py",
                "transport/authentication.py",
                "transport/failure_limit.py",
                "transport/cursor.py",
            ),
            (
                "tests/unit/transport",
                "tests/unit/vault",
                "tests/unit/exchanges",
                "tests/unit/test_kept_secret.py",
                "tests/unit/test_strict_json.py",
                "tests/unit/test_strict_json_edges.py",
                "tests/unit/test_operator_keys.py",
                "tests/unit/test_secret_versions.py",
                "tests/contract/test_operator_key.py",
                "tests/contract/test_failures.py",
                "tests/contract/test_exchanges.py",
                "-k=not moto and not ministack",
            ),
        ),
        Part("registration", ("registration/*.py",), ("tests/unit/registration",)),
        Part(
            "outbound",
            ("outbound/*.py",),
            (
                "tests/unit/outbound",
                "tests/unit/authorization/test_hook.py",
                "tests/contract/test_webhook_secret.py",
                "tests/unit/test_no_secret_in_repr.py",
            ),
        ),
        Part(
            "store",
            ("store/*.py", "sqlite_file.py"),
            (
                "tests/unit/store",
                "tests/contract",
                # Slow, and about what emulators and dying processes do.
                "--ignore=tests/unit/store/test_page_costs.py",
                "--ignore=tests/unit/store/test_counters_killed.py",
                "--ignore=tests/contract/test_queues.py",
                "-k=not moto and not ministack",
            ),
        ),
    )
}
