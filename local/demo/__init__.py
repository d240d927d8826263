"""A small invented operator in the Dutch province of Zeeland, so that a first start has something to show."""
