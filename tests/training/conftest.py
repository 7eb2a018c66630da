"""Small workspaces for these tests."""

from small_workspaces import make_workspace, workspace

__all__ = ["make_workspace", "workspace"]
