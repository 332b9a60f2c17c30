"""Each test has a database of its own at head, which lmsschema's pytest plugin makes."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from service import app
from sqlalchemy import Engine, insert

from lmsschema.tables import EducationLevel, institutions


@pytest.fixture
def client(lms_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("LMSSCHEMA_DATABASE_URL", lms_database_url)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def course(lms_engine: Engine) -> dict[str, str]:
    with lms_engine.begin() as connection:
        made = insert(institutions).values(
            name="North", domain="north.example", education_level=EducationLevel.HIGHER_ED
        )
        institution = connection.scalar(made.returning(institutions.c.id))
    return {
        "institution_id": str(institution),
        "title": "Algebra",
        "description": "Numbers",
        "subject_area": "mathematics",
        "difficulty_level": "beginner",
    }


def test_a_course_is_a_draft_until_it_is_published(
    client: TestClient, course: dict[str, str]
) -> None:
    made = client.post("/courses", json=course)
    assert made.status_code == 201
    assert made.json()["status"] == "draft"
    assert client.get("/courses", params={"status": "published"}).json() == []
    place = f"/courses/{made.json()['id']}/status"
    published = client.put(place, params={"status": "published"}).json()
    assert published["updated_at"] > made.json()["updated_at"]
    assert client.get("/courses", params={"status": "published"}).json() == [published]


def test_what_cannot_be_is_refused(client: TestClient, course: dict[str, str]) -> None:
    nowhere = course | {"institution_id": str(uuid4())}
    assert client.post("/courses", json=nowhere).status_code == 422
    assert client.post("/courses", json=course | {"difficulty_level": "hard"}).status_code == 422
    somewhere = f"/courses/{uuid4()}/status"
    assert client.put(somewhere, params={"status": "published"}).status_code == 404
