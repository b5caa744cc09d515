"""Where commands come in: one folder a surface, blind to each other."""
