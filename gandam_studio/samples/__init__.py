"""Sample sets: the bundled ones, and the generator of the mechas."""
