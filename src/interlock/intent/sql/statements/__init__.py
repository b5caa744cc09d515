"""What each kind of statement means, by the grammar's names."""
