"""Small workspaces for these tests."""

from small_workspaces import make_workspace, workspace
from studio_calls import studio

__all__ = ["make_workspace", "studio", "workspace"]
