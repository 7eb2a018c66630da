"""Which sprites are unfit for a reason the person names, from a few examples, and when one may stop looking."""
