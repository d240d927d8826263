"""A small simulated charge point system behind the demo network.

It knows nothing of this project but the operator API, as any operator's own system would: it asks which commands wait
for its charge points, answers them, and tells of statuses, sessions and CDRs. What it remembers it reads back from
there, so it may be stopped at any time.
"""
