"""What sessions hold on a target whose access is per command, on real servers."""
