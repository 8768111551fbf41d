"""Run by alembic inside ``storage.migrate``: uses the connection, and so the transaction, that was handed in."""

from alembic import context

from storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
