"""Input tables, and the matrices that models are trained on."""
