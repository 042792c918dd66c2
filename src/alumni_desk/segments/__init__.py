"""Questions over everything people are and did, across the nouns."""
