"""Type and pages: fonts for every script, bidi, shaping, fitting, codes, preview. Made with reportlab, without Qt."""
