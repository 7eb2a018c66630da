"""Samples made fit for use: in a palette, with clean pixels, as the files that drawing programs and games read."""
