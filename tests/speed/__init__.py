"""How fast the suite is, beside what else could send the same requests: ``python -m tests.speed``."""
