"""The compiled training program that every Keras model of the zoo trains through."""
