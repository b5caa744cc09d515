"""What a stranger runs first: a shop, a gateway in front of it, and an agent that goes too far."""
