"""The gateway as processes: a supervisor that owns what must be one, and workers that hold the connections."""
