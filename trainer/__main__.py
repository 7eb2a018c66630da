"""`python -m trainer`: see `trainer.cli`."""

from __future__ import annotations

import time

STARTED = time.time()  # Before slow imports, so that commands sent meanwhile are not dropped as old.


def _run() -> None:
    from trainer.waiting import wait_briefly

    wait_briefly()

    from trainer.cli import run

    run(STARTED)


if __name__ == "__main__":
    from trainer.ending import leave_after

    leave_after(_run)
