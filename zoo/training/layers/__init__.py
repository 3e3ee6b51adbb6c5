"""The layers of Keras and of the zoo's architectures, for one network and for many at once."""
