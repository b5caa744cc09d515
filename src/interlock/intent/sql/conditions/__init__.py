"""What a condition comes to by logic alone."""
