"""Entry points of the console scripts. They check the package `trainer` before anything imports it.

`trainer` is also the name of another package on PyPI. Installed over ours, or found before it, nothing would start.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from gandam_studio.core.workers.threads import hold_products_to_one_thread


def command() -> None:
    """Run `gandam-studio`."""
    require_own_trainer()
    hold_products_to_one_thread()
    from gandam_studio.cli import main

    main()


def window() -> int:
    """Run `gandam-studio-window`; returns the exit code."""
    require_own_trainer()
    hold_products_to_one_thread()
    from gandam_studio.qt.launch import main

    return main()


def require_own_trainer() -> None:
    """Exit with one line unless `import trainer` gives the trainer that came with this program."""
    own = Path(__file__).resolve().parent.parent / "trainer"
    spec = find_spec("trainer")
    found = Path(spec.origin).resolve().parent if spec is not None and spec.origin else None
    if found == own and (own / "protocol").is_dir():
        return
    if found is None or found == own:
        advice = (
            "its package 'trainer' is damaged or was replaced; run: pip uninstall trainer, then install gandam-studio"
        )
    else:
        advice = f"another package named 'trainer' is found first, in {found}; run: pip uninstall trainer"
    sys.exit(f"gandam-studio: {advice}")
