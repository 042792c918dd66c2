"""Files in and out: reading other systems' exports, mapping, import runs, exports."""
