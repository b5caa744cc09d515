"""The corpora: what statements mean, which must not pass, which must."""
