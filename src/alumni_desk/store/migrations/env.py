"""Runs the desk's migrations on the connection it is handed; knows nothing of the records."""

from __future__ import annotations

from alembic import context

# The transaction is the caller's: with isolation_level None the driver begins none of its own.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
