"""Credentials: who a party is, and how it is called (OCPI 2.1.1 chapter 7)."""

from ocpi.v2_1_1.fields import URL, CountryAlpha2, CredentialsToken, PartyId
from ocpi.v2_1_1.locations import BusinessDetails
from ocpi.v2_1_1.model import OcpiModel


class Credentials(OcpiModel):
    """A party, its versions URL, and the token that the other side has to use towards it (7.2.1)."""

    token: CredentialsToken
    url: URL
    business_details: BusinessDetails
    party_id: PartyId
    country_code: CountryAlpha2
