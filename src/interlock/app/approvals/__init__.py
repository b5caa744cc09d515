"""How people decide on requests: a Unix socket of the supervisor's, and who speaks on it."""

from interlock.app.approvals.client import Desk
from interlock.app.approvals.desk import serve_approvals

__all__ = ["Desk", "serve_approvals"]
