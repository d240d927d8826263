"""The log of every OCPI request, in and out: made here so that no token and no uid of a card is in it."""
