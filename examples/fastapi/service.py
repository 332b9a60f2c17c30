"""Courses over HTTP, on lmsschema's tables; started by ``uvicorn service:app``."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import RowMapping, insert, make_url, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from lmsschema import api
from lmsschema.tables import CourseDifficulty, CourseStatus, courses


class NewCourse(BaseModel):
    institution_id: UUID
    title: str
    description: str
    subject_area: str
    difficulty_level: CourseDifficulty


class Course(NewCourse):
    id: UUID
    status: CourseStatus | str  # text where a newer schema has more labels
    updated_at: datetime


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = make_url(os.environ["LMSSCHEMA_DATABASE_URL"])
    standing = await asyncio.to_thread(api.current, url)
    if standing.pending:
        raise RuntimeError(f"pending: {', '.join(standing.pending)}; run lmsschema upgrade")
    app.state.engine = create_async_engine(url.set(drivername="postgresql+psycopg"))
    yield
    await app.state.engine.dispose()


async def transaction(request: Request) -> AsyncIterator[AsyncConnection]:
    async with request.app.state.engine.begin() as connection:
        yield connection


# its scope is the function: what was answered has been committed
Transaction = Annotated[AsyncConnection, Depends(transaction, scope="function")]
app = FastAPI(lifespan=lifespan)


@app.post("/courses", status_code=201, response_model=Course)
async def create(course: NewCourse, connection: Transaction) -> RowMapping:
    try:
        made = await connection.execute(insert(courses).values(dict(course)).returning(*courses.c))
    except IntegrityError as error:
        raise HTTPException(422, "no such institution, or a rule of the schema") from error
    return made.mappings().one()


@app.get("/courses", response_model=list[Course])
async def find(connection: Transaction, status: CourseStatus) -> Sequence[RowMapping]:
    found = await connection.execute(select(courses).where(courses.c.status == status))
    return found.mappings().all()


@app.put("/courses/{course_id}/status", response_model=Course)
async def set_status(course_id: UUID, status: CourseStatus, connection: Transaction) -> RowMapping:
    changed = update(courses).where(courses.c.id == course_id).values(status=status)
    row = (await connection.execute(changed.returning(*courses.c))).mappings().one_or_none()
    if row is None:
        raise HTTPException(404, "no such course")
    return row
