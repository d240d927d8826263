"""Commands and their results: received ones, which go to the operator's charge points, and sent ones (chapter 13)."""
