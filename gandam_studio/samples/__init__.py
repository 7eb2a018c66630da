"""Sample sets that come with the program: one bundled, one drawn by code."""
