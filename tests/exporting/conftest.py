"""Small workspaces for these tests."""

from small_workspaces import make_workspace, workspace
from warm_starts import warm

__all__ = ["make_workspace", "warm", "workspace"]
