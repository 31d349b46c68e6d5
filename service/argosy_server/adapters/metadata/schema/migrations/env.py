"""What alembic runs: the migrations that are due, on the connection ``migrate.upgrade`` hands over."""

from alembic import context

from argosy_server.adapters.metadata.schema.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The caller holds the transaction and the lock; either all migrations are done or none.
    transactional_ddl=True,
)
context.run_migrations()
