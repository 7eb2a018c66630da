"""Exploring a trained generator: directions in its latent space, projection of pictures into it, and the process that
draws for the Studio."""
