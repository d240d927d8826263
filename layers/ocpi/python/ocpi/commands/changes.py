"""Changing a command: read, decide, write on condition, as everything that depends on what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpi.commands.command import Command, command_draft, command_of
from ocpi.objects.received import get_exact
from ocpi.store.update import update

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocpi.store.port import Draft, Key, Objects, Record


def load_command(objects: Objects, key: Key) -> Command | None:
    """The command now stored; an id is compared to the letter."""
    return command_of(get_exact(objects, key))


def add_command(objects: Objects, command: Command) -> None:
    """Store a new command; its id is random, so there is none of it yet."""
    objects.put(command.key, command_draft(command), expected=None)


def change_command(objects: Objects, key: Key, change: Callable[[Command], Command | None]) -> Command | None:
    """Make a command what ``change`` says (``None``: leave it); returns the command as it is then, or ``None`` if there
    is none, or if ``change`` left it. ``change`` may be asked again and may raise.
    """
    changed: Command | None = None

    def decide(record: Record | None) -> Draft | None:
        nonlocal changed
        # Ids are compared to the letter here too; keys of the store are not.
        command = command_of(record) if record is not None and record.key.id == key.id else None
        changed = change(command) if command is not None else None
        return command_draft(changed) if changed is not None else None

    update(objects, key, decide)
    return changed
