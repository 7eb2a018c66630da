"""Read untrusted zip and tar archives in place: every stream is bounded, and nothing is unpacked to disk."""
