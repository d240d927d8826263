"""Comparing what partners hold of our objects with ours, and repairing it if asked."""
