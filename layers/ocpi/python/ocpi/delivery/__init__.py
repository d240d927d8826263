"""Bringing every partner up to date with every object of ours that it may see."""
