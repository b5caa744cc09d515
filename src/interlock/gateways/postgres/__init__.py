"""The PostgreSQL gateway: unmodified clients on one side, the target on the other, the gate in between."""
