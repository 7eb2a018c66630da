"""Is a generator collapsed, is it copying, will more time help, what happened at a spike?

Each measure is a module of its own and needs only numpy and torch. They work on uint8 pictures of one moment, drawn by
the weights that draw samples, and on the run's training and held-out pictures. `docs/diagnostics.md` lists the
definitions, and how often each of them is wrong.
"""
