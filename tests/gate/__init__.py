"""The gate's order of things, as transcripts."""
