"""Work orders: /v1/orders, /v1/claims."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from engraver.errors import MissingError, OrderError
from engraver.orders import WorkOrder
from station_api.people import Caller, Right
from station_api.records.orders import Orders
from station_api.records.tables import orders
from station_api.schemas import order_from
from station_api.service.bodies import NewClaim, NewOrder
from station_api.service.callers import KeyHeader, ServiceOf, allow
from station_api.service.runner import order_of

router = APIRouter(tags=["orders"])
Reader = Annotated[Caller, allow(Right.READ_ORDERS)]
Author = Annotated[Caller, allow(Right.WRITE_ORDERS)]
Claimant = Annotated[Caller, allow(Right.CLAIM_ORDERS)]

OrderId = Annotated[str, Path(pattern=r"^[^\x00-\x1f]{1,64}$", examples=["WO-2027-0001"])]

COLUMNS = ("order", "make", "model", "serial", "recipe")
MOST_LINES = 5_000
SHOWN = ("order_id", "make", "model", "serial", "recipe", "state", "holder", "fence", "position")


@router.get("/orders")
def list_orders(
    service: ServiceOf,
    by: Reader,
    after: Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    state: Annotated[str | None, Query(pattern=r"^[a-z]{1,16}$")] = None,
) -> dict[str, Any]:
    """List work orders by number, page by page; `next` is the `after` of the next page."""
    query = sa.select(*(orders.c[name] for name in SHOWN)).where(orders.c.order_id > after)
    if state is not None:
        query = query.where(orders.c.state == state)
    with service.records.database.reading.connect() as connection:
        rows = connection.execute(query.order_by(orders.c.order_id).limit(limit + 1)).all()
    found = [dict(row._mapping) for row in rows[:limit]]
    following = found[-1]["order_id"] if len(rows) > limit else None
    return {"orders": found, "next": following}


@router.post("/orders", status_code=201)
def create_order(body: NewOrder, service: ServiceOf, by: Author, key: KeyHeader = None) -> Response:
    """Enter one work order; the same order again changes nothing."""

    def work() -> Response:
        order = body.to_order()
        Orders(service.records).offer(order)
        reply = JSONResponse(asdict(order), 201)
        reply.headers["Location"] = f"/v1/orders/{order.order_id}"
        return reply

    return service.replies.once(by, key, b"order " + body.model_dump_json().encode(), work)


@router.post(
    "/orders/batch",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "order,make,model,serial,recipe\n"
                    "WO-1,EXAMPLE ARMS,MODEL 1,ZQ0042,default\n",
                }
            },
        }
    },
)
async def create_batch(
    request: Request, service: ServiceOf, by: Author, key: KeyHeader = None
) -> Response:
    """Enter work orders from CSV, all or none; a line that will not do is named."""
    data = await request.body()

    def work() -> Response:
        batch = read_batch(data)
        Orders(service.records).offer_all(batch)
        return JSONResponse({"orders": [order.order_id for order in batch]}, 201)

    return await run_in_threadpool(service.replies.once, by, key, b"batch " + data, work)


@router.get("/orders/{order_id}")
def show_order(order_id: OrderId, service: ServiceOf, by: Reader) -> dict[str, Any]:
    """Show one work order."""
    order_of(service.records, order_id)
    row = Orders(service.records).get(order_id)
    return {name: row[name] for name in SHOWN}


@router.get(
    "/orders/{order_id}/plan",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def plan_of_order(order_id: OrderId, service: ServiceOf, by: Reader) -> Response:
    """Give what will be burned, as arrays: docs/api.md describes the bytes."""
    data = service.plans.of(order_of(service.records, order_id))
    return Response(data, media_type="application/octet-stream")


@router.post("/orders/{order_id}/cancel")
def cancel_order(order_id: OrderId, service: ServiceOf, by: Author) -> dict[str, Any]:
    """Cancel an order that nobody has claimed."""
    order_of(service.records, order_id)
    Orders(service.records).cancel(order_id)
    return {"order_id": order_id, "state": "cancelled"}


@router.post("/claims", status_code=201)
def claim_orders(
    service: ServiceOf, by: Claimant, body: NewClaim | None = None, key: KeyHeader = None
) -> Response:
    """Claim open orders for this station, under a lease with a fencing token."""
    wanted = body or NewClaim()

    def work() -> Response:
        claims = Orders(service.records).claim(
            service.records.station, wanted.count, order_id=wanted.order_id
        )
        found = [
            {**asdict(one.order), "fence": one.fence, "lease_until_us": one.lease_until_us}
            for one in claims
        ]
        return JSONResponse({"claims": found}, 201)

    return service.replies.once(by, key, b"claim " + wanted.model_dump_json().encode(), work)


def read_batch(data: bytes) -> list[WorkOrder]:
    r"""Read work orders from CSV with a header line.

    Raises
    ------
    OrderError
        If it is no CSV, misses a column, has too many lines, or a line is no order.

    Examples
    --------
    >>> read_batch(b"order,make,model,serial\nWO-1,Example Arms,Model 1,zq1")[0].serial
    'ZQ1'
    """
    found: list[WorkOrder] = []
    try:
        text = data.decode("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
        names = _columns(next(rows, []))
        for row in rows:
            where = f"line {rows.line_num}"
            cells = [*row, *[""] * (len(names) - len(row))]
            if not any(cell.strip() for cell in cells):
                continue  # what a spreadsheet leaves below its last row
            if any(cell.strip() for cell in cells[len(names) :]):
                raise OrderError(
                    f"{where} has {len(row)} fields, the first line names {len(names)} columns; "
                    "put a text that has the separator in it into quotes"
                )
            if len(found) == MOST_LINES:
                raise OrderError(
                    f"a batch has at most {MOST_LINES} orders; send the rest in another"
                )
            fields = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
            found.append(order_from(fields, f"in {where}"))
            if not found[-1].order_id:
                raise OrderError(f"{where} has no order number")
    except UnicodeDecodeError as error:
        raise OrderError(
            f"the batch is no UTF-8 (byte {error.start} is 0x{data[error.start]:02x}); save it as "
            "CSV UTF-8 and send it again"
        ) from None
    except csv.Error as error:
        raise OrderError(f"the batch is no CSV: {error}") from None
    if not found:
        raise OrderError("the batch has no orders")
    return found


def _separator(text: str) -> str:
    """Return what stands between the columns: a comma, or what spreadsheets of other lands write.

    >>> _separator("order;make;model"), _separator("order,make")
    (';', ',')
    """
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _columns(names: list[str]) -> list[str]:
    while names and not names[-1].strip():
        names = names[:-1]
    names = [name.strip().lower() for name in names]
    lacking = [name for name in COLUMNS[:4] if name not in names]
    odd = [name for name in names if name not in COLUMNS or names.count(name) > 1]
    if lacking or odd:
        wrong = f"not {', '.join(map(repr, dict.fromkeys(odd)))[:80]}" if odd else ""
        wrong = wrong or f"it lacks {', '.join(lacking)}"
        raise OrderError(f"the first line names the columns {', '.join(COLUMNS)}; {wrong}")
    return names


def order_named(service: Any, order_id: str | None, body: NewOrder | None) -> WorkOrder:
    """Return the order that a request to mark means.

    Raises
    ------
    MissingError
        If it means none, or one that is not known.
    """
    if body is not None:
        return body.to_order()
    if order_id is None:
        raise MissingError("name an order_id, or write the order out")
    return order_of(service.records, order_id)
