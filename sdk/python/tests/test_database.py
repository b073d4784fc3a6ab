from __future__ import annotations

import os
import unittest
from unittest import mock

import tests  # noqa: F401, puts the package's sources on the path

import plinth

environment = {
    "PGHOST": "postgres.data.svc",
    "PGPORT": "5432",
    "PGDATABASE": "team-a",
    "PGUSER": "team-a_g1",
    "PGPASSWORD": "s3cret",
    "PGSSLMODE": "require",
}


class DatabaseTest(unittest.TestCase):
    def test_is_read_by_spark_with_its_login_out_of_sight(self) -> None:
        with mock.patch.dict(os.environ, environment):
            database = plinth.database()
        options = database.jdbc("flights")
        self.assertEqual(options["url"], "jdbc:postgresql://postgres.data.svc:5432/team-a?sslmode=require")
        self.assertEqual((options["user"], options["password"]), ("team-a_g1", "s3cret"))
        self.assertEqual(options["dbtable"], "flights")
        self.assertNotIn("s3cret", repr(database))

    def test_a_team_without_one_is_told_so(self) -> None:
        with mock.patch.dict(os.environ, {**environment, "PGPASSWORD": ""}):
            with self.assertRaisesRegex(plinth.PlinthError, "environment variable PGPASSWORD"):
                plinth.database()
