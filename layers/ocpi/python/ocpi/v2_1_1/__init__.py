"""OCPI 2.1.1: its wire models, a file a module of the specification, and the pure functions over its objects."""
