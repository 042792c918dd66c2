"""People of the chapter: who they are, what they studied, how they may be reached."""
