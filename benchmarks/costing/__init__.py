"""What running the system in AWS costs: the parts of ``benchmarks/cost.py``."""
