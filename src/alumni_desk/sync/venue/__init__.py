"""Laptops that meet where there is no internet: sealed parcels, hand-outs and files between them."""
