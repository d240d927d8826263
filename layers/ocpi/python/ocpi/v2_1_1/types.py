"""Types that several modules share (OCPI 2.1.1 chapter 14)."""

from ocpi.v2_1_1.fields import Language, Name512
from ocpi.v2_1_1.model import OcpiModel


class DisplayText(OcpiModel):
    """A text for drivers in one language (14.3), without markup."""

    language: Language
    text: Name512
