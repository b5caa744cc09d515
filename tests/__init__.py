"""The tests mirror src/interlock."""
