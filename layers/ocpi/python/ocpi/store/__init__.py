"""What is kept: the store port, its two adapters, and the optimistic update over them."""
