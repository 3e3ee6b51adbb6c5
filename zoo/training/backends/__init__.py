"""Programs in TensorFlow, JAX and PyTorch."""
