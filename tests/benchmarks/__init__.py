"""How fast it is, against a bare database loop and against others: ``python -m tests.benchmarks``."""
