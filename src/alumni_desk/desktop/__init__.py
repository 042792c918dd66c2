"""The window: the only part of Alumni Desk that knows Qt."""
