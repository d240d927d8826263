"""OCPI 2.1.1: its wire models, a file a module of the specification, and the pure functions over its objects."""

VERSION = "2.1.1"
"""As it stands in versions, in URLs, and beside every object that is stored."""
