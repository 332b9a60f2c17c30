"""A limit of time, by a clock that nobody sets, and the pauses until then."""

import random
import time
from collections.abc import Callable


class Deadline:
    """Some seconds from now, and pauses that grow until then.

    Args:
        seconds: The limit.
        pause: The first pause between two tries; the next is twice as long.
        longest: The longest of them; by default none is longer than the first.
        sleep: Waits for as many seconds.
    """

    def __init__(
        self,
        seconds: float,
        *,
        pause: float = 0.25,
        longest: float = 0.0,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._end = time.monotonic() + seconds
        self._pause = pause
        self._longest = max(pause, longest)
        self._sleep = sleep

    @property
    def left(self) -> float:
        """The seconds that are left; none once it is over."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether it is over."""
        return self.left == 0.0

    def pause(self) -> None:
        """Wait before the next try, half of the pause to all of it, but not past the limit."""
        seconds = self._pause * random.uniform(0.5, 1)  # noqa: S311  jitter, no secret
        self._sleep(min(seconds, self.left))
        self._pause = min(self._pause * 2, self._longest)
