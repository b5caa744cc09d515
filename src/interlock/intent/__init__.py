"""Text to meaning, one folder per command language; a language knows nothing of the gateway it arrives by."""
