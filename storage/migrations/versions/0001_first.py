"""The first schema."""

from alembic import op

from storage.schema import FIRST_ID, id_block, metadata
from storage.search import DDL

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    for statement in DDL[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    connection.execute(id_block.insert().values(name="id", next_id=FIRST_ID))
