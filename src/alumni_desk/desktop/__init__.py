"""The window. The only part of the program that knows Qt."""

import builtins

import PySide6.QtCore  # noqa: F401  puts its own import in the place of Python's

# PySide6 reads the source text of every module that is imported after it, to see whether it wants another spelling of Qt's names
# (``from __feature__ import snake_case``). None of this program's does; it would cost a tenth of the start, and each import inside a function later.
builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
