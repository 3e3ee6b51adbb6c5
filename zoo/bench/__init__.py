"""The benchmark: suites, the plan, one cell, workers and the store."""
