"""Checks what must be true of everything in a store, and mends what can be mended safely: ``python -m ocpi.doctor``."""
