"""The control channel under `/_control/`: what a test or a demo does to a simulator from another process.

JSON in and out, for loopback callers only. Endpoints of both simulators:

    GET    health                         {"ok": true, "simulator": …}
    GET    ledger?since=N&origin=api      {"last_seq": N, "entries": [...]}      DELETE forgets the entries
    GET    faults   POST faults {rule}    DELETE faults, DELETE faults/<id>
    GET    switches POST switches {name: value} or {"profile": "ALL_ADVERSE"}
    GET    clock    POST clock {"advance": seconds} | {"set": ISO instant, "freeze": bool}
    GET    companies                      ids and names
    GET    rows/<company>/<resource>      every stored row, as stored
    POST   person/create {"company", "resource", "values"} → {"id"}
    POST   person/edit   {"company", "resource", "id", "values"}
    POST   person/delete {"company", "resource", "id"}
    POST   bulk {"company", "resource", "count", "values": {...}, "start": N}    "{n}" in texts is replaced
    POST   reset                          empties everything, then loads the seed given at the start
    POST   seed {document}                adds a seed document
"""

import ipaddress
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from .simulator import Simulator, json_bytes
from .switches import apply_switches, switches_as_json

Extra = Callable[[Request, list[str], dict[str, Any]], Any]


def control_response(simulator: Any, request: Request, extra: Extra) -> Response:
    """Answer one control call; `extra` is asked for what only this system has."""
    address = request.remote_addr or "127.0.0.1"
    if not ipaddress.ip_address(address.split("%")[0]).is_loopback:
        return Response("control is for loopback callers only", 403)
    parts = [part for part in request.path.removeprefix("/_control/").split("/") if part]
    try:
        body = json.loads(request.get_data()) if request.get_data() else {}
        answer = _common(simulator, request, parts, body)
        if answer is NotImplemented:
            answer = extra(request, parts, body)
        if answer is NotImplemented:
            raise NotFound
    except HTTPException as error:
        return Response(json_bytes({"error": error.description}), error.code, content_type="application/json")
    except (ValueError, KeyError, TypeError, LookupError) as error:
        message = json_bytes({"error": f"{type(error).__name__}: {error}"})
        return Response(message, 400, content_type="application/json")
    return Response(json_bytes(answer), 200, content_type="application/json")


def _common(simulator: Any, request: Request, parts: list[str], body: dict[str, Any]) -> Any:
    match parts:
        case [] | ["health"]:
            return {"ok": True, "simulator": simulator.title}
        case ["ledger"]:
            return _ledger(simulator, request)
        case ["faults", *rest]:
            return _faults(simulator, request, rest, body)
        case ["switches"]:
            return _switches(simulator, request, body)
        case ["clock"]:
            return _clock(simulator, request, body)
        case ["companies"]:
            return simulator.companies_as_json()
        case ["rows", company, resource]:
            return simulator.rows(int(company), resource)
        case ["person", act]:
            return _person(simulator, act, body)
        case ["bulk"]:
            ids = simulator.bulk(
                body["company"], body["resource"], body["count"], start=body.get("start", 1), **body.get("values", {})
            )
            return {"count": len(ids), "first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
        case ["reset"]:
            simulator.reset()
            return {"ok": True}
        case ["seed"]:
            simulator.load(body)
            return {"ok": True}
    return NotImplemented


def _ledger(simulator: Simulator, request: Request) -> Any:
    if request.method == "DELETE":
        simulator.ledger.clear()
        return {"ok": True}
    origin: Any = request.args.get("origin")
    entries = simulator.ledger.entries(int(request.args.get("since", 0)), origin)
    return {"last_seq": simulator.ledger.last_seq, "entries": [entry.as_json() for entry in entries]}


def _faults(simulator: Simulator, request: Request, rest: list[str], body: dict[str, Any]) -> Any:
    if request.method == "POST":
        return simulator.faults.add(**body).as_json()
    if request.method == "DELETE":
        simulator.faults.clear(int(rest[0]) if rest else None)
    return [rule.as_json() for rule in simulator.faults.rules()]


def _switches(simulator: Any, request: Request, body: dict[str, Any]) -> Any:
    if request.method == "POST":
        profile = body.pop("profile", None)
        if profile is not None:
            simulator.use_profile(simulator.profiles[profile])
        apply_switches(simulator.switches, body)
    return switches_as_json(simulator.switches)


def _clock(simulator: Simulator, request: Request, body: dict[str, Any]) -> Any:
    if request.method == "POST":
        if "advance" in body:
            simulator.clock.advance(body["advance"])
        if "set" in body:
            simulator.clock.set(datetime.fromisoformat(body["set"]), freeze=body.get("freeze", False))
    return {"now": simulator.clock.now().isoformat()}


def _person(simulator: Any, act: str, body: dict[str, Any]) -> Any:
    company, resource = body["company"], body["resource"]
    if act == "create":
        return {"id": simulator.person_creates(company, resource, **body.get("values", {}))}
    if act == "edit":
        simulator.person_edits(company, resource, body["id"], **body.get("values", {}))
        return {"id": body["id"]}
    if act == "delete":
        simulator.person_deletes(company, resource, body["id"])
        return {"id": body["id"]}
    raise MethodNotAllowed


class PersonRefusedError(ValueError):
    """What a person in the user interface would have been told."""
