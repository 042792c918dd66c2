"""Events of the chapter and who is registered for them."""
