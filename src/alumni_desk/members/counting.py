"""How many members there are."""

COUNT_MEMBERS = """
SELECT (SELECT count(*) FROM person WHERE standing = 'member' AND gone = 0)
 - (SELECT count(*) FROM person INDEXED BY person_merged_into WHERE merged_into IS NOT NULL AND standing = 'member' AND gone = 0)
"""
"""Two indexes tell: to decrypt every row would take a third of a second with 100,000 of them."""
