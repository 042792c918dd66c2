"""The central server: judges what desks push, keeps the ordered rows and hands them out."""
