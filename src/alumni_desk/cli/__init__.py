"""Every job of the desk without a window, one module per noun."""
