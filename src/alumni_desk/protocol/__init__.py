"""What desks and server say to each other; pure: no files, no network, no database."""
