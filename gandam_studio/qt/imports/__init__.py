"""Import in the window: from disk, drop and clipboard; sheets are cut under one's eyes, refusals are listed."""
