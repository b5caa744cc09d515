"""What a database holds: snapshots of it, the questions that fill them, and how names are seen in it."""
