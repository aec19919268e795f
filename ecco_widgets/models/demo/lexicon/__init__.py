"""Word lists of the generated patterns: plain data, one subject a module."""
