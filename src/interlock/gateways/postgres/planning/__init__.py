"""What a client's messages ask for: read, named and put in order as steps, before anything is decided."""
