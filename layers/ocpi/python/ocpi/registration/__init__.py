"""The credentials handshake (section 7), as receiver and as initiator.

Everything that a step changes is one atomic change of the partner, so whenever the process dies, what was
valid before is valid still: either nothing of the step happened or all of it.
"""
