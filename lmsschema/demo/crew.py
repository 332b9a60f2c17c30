"""Workers: threads, each with a connection and the scratch tables of its own."""

import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any, TypeAlias

import psycopg

from lmsschema.database.backend import Backend
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.session import open_connection
from lmsschema.demo.shape import Shape
from lmsschema.locks.context import Context, Progress, paced

#: Seconds that a statement waits for a lock: what a killed run was at may have to end first.
_LOCK_TIMEOUT = 60.0

#: Seconds between two looks at how far the workers are.
_PAUSE = 0.2

#: Settings of each transaction: none of its queries gains by another process or by compilation.
_SETTINGS = {"work_mem": "64MB", "jit": "off", "max_parallel_workers_per_gather": "0"}

#: What a worker does; it gets the worker.
Job: TypeAlias = "Callable[[Worker], None]"


class Worker:
    """A connection with the scratch tables of the data that is asked for.

    Attributes:
        database: The database, by a connection of the worker's own.
    """

    def __init__(self, database: Database, shape: Shape) -> None:
        conn = open_connection(database.target)
        self.database = dataclasses.replace(database, conn=conn, backend=Backend())
        self._shape = shape

    def prepare(self) -> None:
        """Make the scratch tables, which live as long as the connection."""
        values = {
            "shape": json.dumps(self._shape.tables()),
            "sessions": self._shape.sessions,
            "events": self._shape.events,
        }
        with self.transaction() as run:
            run("functions")
            run("scratch", values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Callable[..., psycopg.Cursor[Any]]]:
        """Run a transaction; yields what runs one of the queries of ``lmsschema/sql/demo``."""
        common = {"seed": self._shape.seed, "until": self._shape.end}
        with self.database.transaction(lock_timeout=_LOCK_TIMEOUT) as conn:
            for name, value in _SETTINGS.items():
                conn.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, value])

            def run(name: str, values: Mapping[str, object] | None = None) -> psycopg.Cursor[Any]:
                cursor: psycopg.Cursor[Any] = psycopg.ClientCursor(conn)  # DDL has no parameters
                return cursor.execute(query(f"demo/{name}"), {**common, **(values or {})})

            yield run


class Crew:
    """The workers of a run, and how far they are.

    Args:
        context: Whom to tell.
        workers: The workers, as :func:`hired` opens them.
    """

    def __init__(self, context: Context, workers: Sequence[Worker]) -> None:
        self._tell = paced(context.tell, 1.0)
        self._workers = workers
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            self._idle.put(worker)
        self._pool = ThreadPoolExecutor(len(workers))
        self._counted = threading.Lock()
        self._done = 0

    def count(self, done: int) -> None:
        """Add to what is done; called by workers."""
        with self._counted:
            self._done += done

    def run(self, what: str, total: int, jobs: Sequence[Job]) -> None:
        """Run jobs, each by a worker that is idle; ends with the first that fails.

        Args:
            what: What they do, for people.
            total: What :meth:`count` comes to at their end; 0 if they don't count.
            jobs: The jobs.
        """
        self._done = 0
        if not total:
            self._tell(Progress(what))
        pending: set[Future[None]] = {self._pool.submit(self._run, job) for job in jobs}
        while pending:
            ended, pending = wait(pending, timeout=_PAUSE)
            for future in ended:
                future.result()
            if total:
                self._tell(Progress(what, min(self._done, total), total))

    def prepare(self) -> None:
        """Have every worker make its scratch tables."""
        self._tell(Progress("drawing who learns what, and when"))
        futures = [self._pool.submit(worker.prepare) for worker in self._workers]
        for future in futures:
            future.result()

    def dismiss(self) -> None:
        """Cancel what the workers do, and end them."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            with contextlib.suppress(psycopg.Error):
                worker.database.conn.cancel_safe(timeout=5)
        self._pool.shutdown()
        for worker in self._workers:
            worker.database.conn.close()

    def _run(self, job: Job) -> None:
        worker = self._idle.get()
        try:
            job(worker)
        finally:
            self._idle.put(worker)


@contextlib.contextmanager
def hired(context: Context, shape: Shape, count: int) -> Iterator[Crew]:
    """Open the connections of some workers, and close them at the end."""
    with contextlib.ExitStack() as stack:
        workers = []
        for _ in range(count):
            worker = Worker(context.database, shape)
            stack.callback(worker.database.conn.close)
            workers.append(worker)
        crew = Crew(context, workers)
        stack.callback(crew.dismiss)
        yield crew
