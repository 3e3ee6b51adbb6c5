"""A clean table measured within a budget of time, and the answers in words."""
