"""How much a statement touches: by keys, joins, counts and sizes."""
