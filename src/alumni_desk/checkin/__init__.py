"""The door: who is here, recorded as facts that are never rewritten."""
