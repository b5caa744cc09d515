"""The services we call: webhooks and chat that tell people what waits for them."""
