"""Everything that goes out to partners: the address guard, the one HTTP client, and what is sent with it."""
