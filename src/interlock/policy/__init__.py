"""Case -> Decision: Cedar with what it needs around it; the only importer of cedarpy."""

from interlock.policy.activation import activate, loaded
from interlock.policy.bundle import Bundle, BundleRefused, Problem
from interlock.policy.judge import Judge

__all__ = ["Bundle", "BundleRefused", "Judge", "Problem", "activate", "loaded"]
