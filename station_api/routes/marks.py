"""Marks, read-only: GET /v1/health, /v1/marks, /v1/marks/{mark_id}."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from engraver.errors import InputError
from station_api.station import open_station

router = APIRouter()


class NoSuchMark(InputError):
    """A mark id that is not in the records."""


@router.get("/health")
def health() -> dict[str, Any]:
    """Say how many marks there are and which wait for a person."""
    with open_station() as station:
        doubts = [row.mark_id for row in station.in_doubt]
        return {"status": "ok", "marks": len(station.records.all_marks()), "in_doubt": doubts}


@router.get("/marks")
def list_marks() -> dict[str, Any]:
    """List every mark, oldest first."""
    with open_station() as station:
        return {"marks": [asdict(row) for row in station.records.all_marks()]}


@router.get("/marks/{mark_id}")
def show_mark(mark_id: str) -> dict[str, Any]:
    """Show one mark and its history."""
    with open_station() as station:
        try:
            row = station.records.get(mark_id)
        except InputError as error:
            raise NoSuchMark(str(error)) from error
        return {"mark": asdict(row), "history": station.records.history(mark_id)}
