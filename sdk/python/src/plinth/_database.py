"""The team's database, from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from plinth._errors import setting


@dataclass(frozen=True)
class Database:
    """One PostgreSQL database. `psycopg2.connect("")` and `psql` need none of this: they read the same variables."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    ssl_mode: str

    def jdbc(self, table: str) -> dict[str, str]:
        """Options for Spark: `spark.read.format("jdbc").options(**database.jdbc("flights")).load()`.

        `table` may be a query in parentheses with a name: `(SELECT ...) AS recent`.
        """
        return {
            "driver": "org.postgresql.Driver",
            # No login in the address, which Spark shows in plans; `password` it leaves out of them.
            "url": f"jdbc:postgresql://{self.host}:{self.port}/{self.name}?sslmode={self.ssl_mode}",
            "user": self.user,
            "password": self.password,
            "dbtable": table,
        }


def database() -> Database:
    """The team's own database, where the platform gives it one (`database: true` of the team)."""
    what_for = "plinth.database()"
    return Database(
        host=setting("PGHOST", what_for),
        port=int(setting("PGPORT", what_for)),
        name=setting("PGDATABASE", what_for),
        user=setting("PGUSER", what_for),
        password=setting("PGPASSWORD", what_for),
        ssl_mode=setting("PGSSLMODE", what_for),
    )
