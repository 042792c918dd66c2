"""The sample chapter: made-up people to try everything with, the same for the same seed and day."""
