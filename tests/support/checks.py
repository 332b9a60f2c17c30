"""What test_check and test_check_surroundings share."""

from tests.support.checking import checked, what


def what_differs(url: str) -> list[list[str]]:
    report = checked(url)
    return [what(one) for one in (*report.drift, *report.unmanaged)]
