"""How many threads products of matrices use.

OpenBLAS, which comes with numpy, shares even a small product among all processors, and its threads spin while they wait
for each other. On processors that are busy, with a training for instance, each of the hundreds of steps of one
factorisation waits until all of them had their turn: a page that takes milliseconds took minutes. Work that is worth
several processors is shared by this program itself.
"""

from __future__ import annotations

import os

_NAME = "OPENBLAS_NUM_THREADS"
_held = False


def hold_products_to_one_thread() -> None:
    """Have numpy use one thread in this process, unless the person has said how many. Call it before numpy's import."""
    global _held
    if _NAME not in os.environ:
        os.environ[_NAME] = "1"
        _held = True


def environment() -> dict[str, str]:
    """The environment without that, for programs that are free to use more."""
    return {name: value for name, value in os.environ.items() if not (_held and name == _NAME)}
