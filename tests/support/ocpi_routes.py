"""The OCPI routes as the functions declare them, for tests that must miss none."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.template import read_template
from tests.support.gateway import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_PARAMETER = re.compile(r"\{([a-z_]+):segment\}")


@dataclass(frozen=True, order=True)
class OcpiRoute:
    """A path of a module, below the version tree of one of our roles."""

    our_role: str
    path: str
    """As declared, its parameters in braces: ``/ocpi/emsp/2.1.1/cdrs/{cdr_id}``."""
    methods: tuple[str, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what varies in the path."""
        return tuple(re.findall(r"\{([a-z_]+)\}", self.path))

    def __str__(self) -> str:
        return self.path


def module_routes() -> list[OcpiRoute]:
    """Every route of every module that the template deploys; versions and credentials are no modules of objects."""
    folders = {function.folder for function in read_template(ROOT / "template.yaml").functions}
    files = [folder / f"{role}_2_1_1.py" for folder in folders for role in ("cpo", "emsp")]
    return sorted(route for file in files if file.exists() for route in _declared(file))


def _declared(file: Path) -> list[OcpiRoute]:
    specification = importlib.util.spec_from_file_location(f"{file.parent.name}_{file.stem}", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return [
        OcpiRoute(resource.our_role, _PARAMETER.sub(r"{\1}", resource.path), tuple(resource.allow))
        for resource in module.RESOURCES
    ]
