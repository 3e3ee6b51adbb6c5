"""Training: compiled programs, runs, early stopping, and the layers of networks."""
