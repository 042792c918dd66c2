"""Badges on real paper, rosters with tick boxes, and what has been printed."""
