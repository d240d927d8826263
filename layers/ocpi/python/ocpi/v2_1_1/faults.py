"""What pydantic finds wrong with an object, as faults with sentences of our own.

pydantic's messages may quote the input; ours never do, see :mod:`ocpi.faults`.
"""

from typing import TYPE_CHECKING, Any

from ocpi.faults import Fault, Invalid, pointer

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["MAX_FAULTS", "Fault", "Invalid", "faults_of", "pointer"]

MAX_FAULTS = 10_000
"""More are counted, not named: a body of 4 MB can hold two million, which would take longer to write down than Lambda
runs, and more bytes than it answers with.
"""


def faults_of(error: "ValidationError") -> list[Fault]:
    """Every fault that pydantic found, in the order of the model's fields; or how many, if they are too many."""
    if error.error_count() > MAX_FAULTS:
        return [Fault("", f"has {error.error_count()} faults; at most {MAX_FAULTS} are named")]
    return [Fault(pointer(entry["loc"]), _sentence(entry)) for entry in error.errors(include_url=False)]


_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this object",
    "model_type": "must be a JSON object",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "string_unicode": "must be Unicode text",
    "bool_type": "must be true or false",
    "too_short": "must hold at least one element",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "enum": "must be one of {expected}",
}


def _sentence(entry: Any) -> str:
    # Our own types speak for themselves; what they say is written in `fields`.
    if entry["type"].startswith("ocpi_"):
        return str(entry["msg"])
    if entry["input"] is None and entry["type"] not in ("missing", "extra_forbidden"):
        return "must not be null"
    # pydantic quotes and joins the members of an enum: 'A', 'B' or 'C'.
    context = {name: str(value).replace("'", "") for name, value in entry.get("ctx", {}).items()}
    return _SENTENCES.get(entry["type"], "is not valid").format_map(context)
