"""What was decided becomes bytes for the target, and leaves in order."""
