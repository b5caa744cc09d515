# Thin on purpose: everything is in dev.py, which sets up what is missing.
.PHONY: demo test lint format bench setup

demo test lint format bench setup:
	@python3 dev.py $@
