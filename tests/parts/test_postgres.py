"""The PostgreSQL that the tests run on: fresh, empty and apart for each test."""

import psycopg
import pytest

from .postgres import Cluster


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(postgres_url: str, turn: int) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(tables).fetchone() == (0,)
        connection.execute("CREATE TABLE left_behind (n int)")


def test_a_database_is_copied_from_a_template(postgres_cluster: Cluster) -> None:
    template = postgres_cluster.create()
    with psycopg.connect(postgres_cluster.url(template)) as connection:
        connection.execute("CREATE TABLE luggage (n int)")
        connection.execute("INSERT INTO luggage VALUES (7)")
    copy = postgres_cluster.create(template)
    with psycopg.connect(postgres_cluster.url(copy)) as connection:
        assert connection.execute("SELECT n FROM luggage").fetchall() == [(7,)]
    for database in (copy, template):
        postgres_cluster.drop(database)


def test_strangers_need_the_password(postgres_url: str) -> None:
    stranger = postgres_url.replace("postgres:", "postgres:not-", 1)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(stranger)
