"""Alumni Desk: an office for an alumni chapter, on a volunteer's own laptop."""

__version__ = "0.1.0"
