"""Runs the migrations on the connection that `trunkline.agents.storage.migrate` opened, in its transaction."""

from alembic import context

from trunkline.agents.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
