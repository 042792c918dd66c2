"""Laptops and a server over simulated time, network and disk: see README.md."""
