"""The gate's second moment: units are counted, judged again, landed or taken back."""
