"""Data stores: one adapter per engine, each held to the same contract suite."""
