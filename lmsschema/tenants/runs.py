"""One job for many tenants, in worker processes: Alembic keeps its state in global variables.

The parent hands out one tenant after the other; a worker opens a connection for it, runs the job,
and answers. Nothing is remembered: who is behind is in the catalogs, so that a second run does what
an interrupted one has left. A worker whose parent has died ends with the tenant that it is at.
"""

import collections
import contextlib
import dataclasses
import multiprocessing
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeAlias

from lmsschema.database import sqlstate
from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target
from lmsschema.errors import LmsschemaError, LockTimeoutError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

#: What is done with a tenant: picklable; returns data, or raises an LmsschemaError.
Job: TypeAlias = Callable[[Database], dict[str, Any]]

#: Tenants after which a worker is replaced: what a process has cached of them is then let go.
_TERM = 500

#: Seconds between two looks at whether somebody has interrupted the run.
_PAUSE = 0.2


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a tenant.

    Attributes:
        tenant: Its schema.
        code: 0, or the exit code of the error.
        seconds: How long it took.
        data: What the job returned.
        message: The error.
        hint: What to do about it.
    """

    tenant: str
    code: int
    seconds: float
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    message: str = ""
    hint: str = ""


@dataclasses.dataclass
class TenantRun:
    """How far a run is.

    Attributes:
        results: What became of each tenant that was tried, in the order of their ends.
        left: The tenants that were not begun.
        waiting: How many are tried again, since another session held a lock.
        interrupted: The signal by which somebody has interrupted it.
    """

    results: list[Result] = dataclasses.field(default_factory=list)
    left: list[str] = dataclasses.field(default_factory=list)
    waiting: int = 0
    interrupted: int | None = None

    @property
    def failed(self) -> list[Result]:
        """Those that failed."""
        return [one for one in self.results if one.code]


def run(
    target: Target,
    job: Job,
    tenants: Sequence[str],
    *,
    jobs: int,
    first: Collection[str] = (),
    max_failures: int | None = None,
    tell: Callable[[TenantRun], None] = lambda _: None,
) -> TenantRun:
    """Run a job for tenants, those that are to be first one by one.

    Args:
        target: The database.
        job: What is done with each.
        tenants: Their schemas, in the order in which they are begun.
        jobs: How many worker processes work at once.
        first: Those that are done before others are begun, none at the same time as another.
        max_failures: After so many failures no further tenant is begun; those under way end.
            None: all are.
        tell: Told after each tenant how far it is.

    Returns:
        What became of each. Interrupted, it lets the workers take back what they are at.
    """
    state = TenantRun()
    canaries = [one for one in tenants if one in first]
    others = [one for one in tenants if one not in first]
    with _crew(target, job) as crew:
        for batch, size in ((canaries, 1), (others, jobs)):
            crew.work(batch, size, max_failures if batch is others else 1, state, tell)
            if state.interrupted is not None or (batch is canaries and state.failed):
                break
    begun = {one.tenant for one in state.results}
    state.left = [one for one in tenants if one not in begun]
    return state


class _Worker:
    """A process, the pipe to it, and the tenant that it is at."""

    def __init__(self, target: Target, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, target, job))
        self.process.start()
        theirs.close()  # so that its end is noticed
        self.tenant: str | None = None
        self.begun = 0.0
        self.count = 0

    def give(self, tenant: str) -> None:
        """Have it begin with a tenant."""
        self.tenant, self.begun = tenant, time.monotonic()
        self.count += 1
        with contextlib.suppress(OSError):  # it has died: its end is noticed where one waits
            self.pipe.send(tenant)

    def answer(self) -> Result:
        """Return what became of its tenant."""
        tenant, self.tenant = self.tenant or "", None
        try:
            code, data, message, hint = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(5)
            code, data = LmsschemaError.exit_code, {}
            message = f"its worker process ended ({_ended(self.process.exitcode)})"
            hint = "What it had committed stays. Run the command again: it does what is left."
            self.count = _TERM
        return Result(tenant, code, time.monotonic() - self.begun, data, message, hint)

    def end(self) -> None:
        """End it once it is idle; what it is at is taken back."""
        if self.tenant is not None:
            self.process.terminate()
        self.pipe.close()
        self.process.join(30)
        if self.process.is_alive():  # its server does not answer
            self.process.kill()
            self.process.join()


class _Crew:
    """The workers of a run."""

    def __init__(self, target: Target, job: Job) -> None:
        self._target, self._job = target, job
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    def work(
        self,
        tenants: Sequence[str],
        size: int,
        max_failures: int | None,
        state: TenantRun,
        tell: Callable[[TenantRun], None],
    ) -> None:
        """Do the job for tenants, and write down what became of them."""
        queue = collections.deque(tenants)
        postponed: dict[str, Result] = {}  # others' locks may be gone once all else is done
        try:
            while queue or self._busy:
                if max_failures is None or len(state.failed) < max_failures:
                    self._fill(queue, size)
                elif not self._busy:
                    break
                for worker in self._ended():
                    result = worker.answer()
                    self._rest(worker)
                    is_first = result.tenant not in postponed
                    if result.code == LockTimeoutError.exit_code and is_first:
                        postponed[result.tenant] = result
                        queue.append(result.tenant)
                    else:
                        state.results.append(result)
                        postponed.pop(result.tenant, None)
                    state.waiting = len(postponed)
                    tell(state)
        except KeyboardInterrupt as interrupt:
            state.interrupted = getattr(interrupt, "number", signal.SIGINT)
        state.results += postponed.values()
        state.waiting = 0

    def end(self) -> None:
        """End all workers."""
        for worker in (*self._busy, *self._idle):
            worker.end()

    def _fill(self, queue: "collections.deque[str]", size: int) -> None:
        while queue and len(self._busy) < size:
            worker = self._idle.pop() if self._idle else _Worker(self._target, self._job)
            self._busy.append(worker)
            worker.give(queue.popleft())

    def _ended(self) -> Iterator[_Worker]:
        ready = connection.wait([one.pipe for one in self._busy], _PAUSE)
        yield from [one for one in self._busy if one.pipe in ready]

    def _rest(self, worker: _Worker) -> None:
        self._busy.remove(worker)
        if worker.count < _TERM:
            self._idle.append(worker)
        else:
            worker.end()


def _ended(code: int | None) -> str:
    """Say how a process ended."""
    if code is not None and code < 0:
        return f"signal {-code}, {signal.Signals(-code).name}"
    return f"exit code {code}"


@contextlib.contextmanager
def _crew(target: Target, job: Job) -> Iterator[_Crew]:
    crew = _Crew(target, job)
    try:
        yield crew
    finally:
        crew.end()


def _work(pipe: Connection, target: Target, job: Job) -> None:
    """Do the job for each tenant that the parent names, until it closes the pipe."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: the parent decides
    signal.signal(signal.SIGTERM, interrupt)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            pipe.send(_do(target, job, pipe.recv()))


def _do(target: Target, job: Job, tenant: str) -> tuple[int, dict[str, Any], str, str]:
    """Do the job for a tenant; return the exit code, the data, the error and its hint."""
    chosen = dataclasses.replace(target, schema=tenant)
    try:
        with sqlstate.translated(chosen):
            database = connect(chosen)
            with contextlib.closing(database.conn):
                if database.schema_exists:
                    return 0, job(database), "", ""
                # an upgrade would make it anew
                return LmsschemaError.exit_code, {}, "its schema was dropped meanwhile", ""
    except LmsschemaError as error:
        return error.exit_code, {}, error.message, error.hint
    except Exception as error:  # noqa: BLE001  one tenant's never ends the others'
        return LmsschemaError.exit_code, {}, f"{type(error).__name__}: {error}", ""
