"""Measures models on a clean table within a time budget, and puts the answers into words."""
