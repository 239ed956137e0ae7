"""Exports and deletions, in short steps that a crash does not lose."""
