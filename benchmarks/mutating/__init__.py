"""Mutation testing: what is changed in the code, which tests look at it, and the running of them."""
