"""Worker processes: `pool` runs tasks in them, `serving` is what they run; frames travel (`trainer.protocol.frames`).

Not multiprocessing: its pickles would let a child that a hostile picture has taken over run code in the parent, and
its spawned children run the parent's `__main__` again. Here a child is a plain process on pipes, and all it can send
is data. Nothing is imported at this level, so that a child starts quickly.
"""
