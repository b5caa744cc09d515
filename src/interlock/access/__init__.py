"""Who may come in now: static principals with SCRAM verifiers, and short-lived signed tokens."""
