"""Composition: configuration, wiring, clock, ids and lifecycle; the only place that knows everything."""
