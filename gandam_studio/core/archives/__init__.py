"""Zip and tar archives somebody else made, read in place: every stream is bounded, no entry is unpacked to disk."""
