"""Duplicates: found by hashes, judged by pixels, grouped without drift."""
