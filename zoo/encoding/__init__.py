"""Tables as they come, and as the matrices that models are trained on."""
