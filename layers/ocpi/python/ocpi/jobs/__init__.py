"""Work for one partner that takes longer than one invocation may: kept, gone on with, and forgotten when it is old."""
