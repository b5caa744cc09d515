"""What the target answers, on its way to the client, and what the gateway says itself."""
