"""Every operation of the API, with generated requests: Schemathesis against a real server, by the API's document.

Each operation gets 50 examples, half of them meant to be good and half meant to be bad, all checks on. Every one has to
succeed at least once, and none may answer 5xx. What fails for a reason stands in schemathesis_exceptions.json; an
exception that is no longer needed is a failure too, so the list can only shrink. An exception of a refusal names what
the problem document complains of; one of several is enough for it to be needed.

`check_api.py place_order log_in` examines these operations alone, for whoever mends one.
"""

import json
import multiprocessing
import os
import re
import resource
import sys
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode

import api_cases
from velox_client import Server, Tally, User

SEED = 20_260_105
EXAMPLES = 50
# Each worker has a server of its own and every second operation, so what an operation meets does not depend on time.
WORKERS = 2
# Four minutes on a quiet machine; counted as CPU time, servers included, it is the same on one that is busy.
LIMIT_S = 240
TIMEOUT_S = 60
# Lowered with every exception that goes, never raised.
MOST_EXCEPTIONS = 13
METHODS = ("get", "put", "post", "patch", "delete")
EXCEPTIONS = Path(__file__).resolve().parent / "schemathesis_exceptions.json"


class Findings:
    """What came of the requests, by operation."""

    def __init__(self):
        self.statuses: dict[str, Counter] = defaultdict(Counter)
        self.failures: dict[tuple[str, str, str], str] = {}
        self.server_is_there = True

    def failed(self, operation: str, failure: BaseException, case, response) -> None:
        """Keeps the first failure of each check of each operation, and of each place that a refusal names."""
        check = type(failure).__name__
        sent = case.as_transport_kwargs()
        said = {name: sent.get(name) for name in ("params", "json", "data") if sent.get(name)}
        text = f"{failure} | {case.method} {case.formatted_path} {said} -> {response.status_code} {response.text}"
        text = " ".join(text.split())[:1_500]
        for refusal in refusals(response) if check == "RejectedPositiveData" else [""]:
            if (operation, check, refusal) not in self.failures:
                self.failures[operation, check, refusal] = text
                print(f"      {operation}: {check} {refusal}: {text}", flush=True)

    def join(self, other: "Findings") -> None:
        """Adds what another worker found."""
        self.statuses.update(other.statuses)
        self.failures.update(other.failures)
        self.server_is_there &= other.server_is_there


def refusals(response) -> list[str]:
    """What a problem document complains of: its code, with each place where the code alone says little."""
    problem = response.json()
    places = [error.get("pointer", error.get("parameter", "")) for error in problem.get("errors", [])]
    if problem["code"] in ("invalid_request", "invalid_parameter") and places:
        return sorted({f"{problem['code']} {re.sub('/[0-9]+', '/*', place)}".strip() for place in places})
    return [problem["code"]]


def operations_of(schema) -> list:
    """The operations of the document, in its order."""
    return [result.ok() for result in schema.get_all_operations()]


def name_of(operation) -> str:
    """The operation id."""
    return operation.definition.raw["operationId"]


def examine(operation, world: api_cases.World, findings: Findings, session: requests.Session) -> None:
    """The examples of one operation."""
    name, base_url = name_of(operation), world.server.url
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        count = 0

        def example(case) -> None:
            nonlocal count
            count += 1
            good = mode == GenerationMode.POSITIVE
            headers = world.prepare(name, case, good and count % 2 == 1, good)
            status = world.long_lived(name, case, base_url, headers)
            if status is not None:
                findings.statuses[name][status] += 1
                if status < 300:
                    return
            response = case.call(base_url=base_url, headers=headers, session=session, timeout=TIMEOUT_S)
            if status is None:
                findings.statuses[name][response.status_code] += 1
            world.used(name, case, response)
            try:
                case.validate_response(response, headers=headers)
            except schemathesis.errors.SchemathesisError as error:
                findings.failed(name, error, case, response)
            except BaseExceptionGroup as group:
                for failure in group.exceptions:
                    findings.failed(name, failure, case, response)

        strategy = operation.as_strategy(generation_mode=mode)
        test = hypothesis.given(strategy)(example)
        test = hypothesis.settings(
            max_examples=EXAMPLES // 2,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(hypothesis.seed(SEED)(test))
        try:
            test()
        except hypothesis.errors.Unsatisfiable:
            # An operation that takes nothing cannot be asked badly.
            pass


def work(names: list[str]) -> Findings:
    """Examines some operations on a server of its own."""
    warnings.simplefilter("ignore")
    findings = Findings()
    with Server() as server:
        schema = schemathesis.openapi.from_dict(requests.get(f"{server.url}/v1/openapi.json", timeout=TIMEOUT_S).json())
        world, session = api_cases.World(server, User(server)), requests.Session()
        for operation in operations_of(schema):
            if name_of(operation) not in names:
                continue
            began = time.monotonic()
            examine(operation, world, findings, session)
            statuses = sorted(findings.statuses[name_of(operation)].items())
            counts = " ".join(f"{status}x{count}" for status, count in statuses)
            print(f"      {name_of(operation)}: {time.monotonic() - began:.1f} s, {counts}", flush=True)
        answers = requests.get(f"{server.url}/readyz", timeout=TIMEOUT_S).status_code
        findings.server_is_there = answers == 200
        if not findings.server_is_there:
            print(server.log_end(), flush=True)
    return findings


def described_operations() -> list[str]:
    """The operation ids that the document names."""
    with Server() as server:
        document = requests.get(f"{server.url}/v1/openapi.json", timeout=TIMEOUT_S).json()
    return [path[method]["operationId"] for path in document["paths"].values() for method in METHODS if method in path]


def main() -> int:
    tally, findings, began = Tally(), Findings(), time.monotonic()
    print(f"seed {SEED}, {EXAMPLES} examples an operation", flush=True)
    described = described_operations()
    wanted = [name for name in described if name in sys.argv[1:] or len(sys.argv) == 1]
    # Fresh processes: a fork would share sockets, and the order of sets must be the same every time.
    os.environ["PYTHONHASHSEED"] = "0"
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        for part in pool.imap_unordered(work, [wanted[start::WORKERS] for start in range(WORKERS)]):
            findings.join(part)
        pool.close()
        pool.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took, worked = time.monotonic() - began, used.ru_utime + used.ru_stime
    entries = json.loads(EXCEPTIONS.read_text())
    gone = {entry["operation"] for entry in entries} - set(described)
    tally.check("every exception is of an operation", not gone, gone)
    tally.check(f"there are {MOST_EXCEPTIONS} exceptions at most", len(entries) <= MOST_EXCEPTIONS, len(entries))
    tally.check("the servers are still there", findings.server_is_there)
    tally.check(f"each of {len(wanted)} operations was examined", set(wanted) == set(findings.statuses))
    for name, statuses in sorted(findings.statuses.items()):
        succeeded = any(status < 300 for status in statuses)
        broken = any(status >= 500 for status in statuses)
        tally.check(f"{name}: succeeds at least once, never 5xx", succeeded and not broken, dict(statuses))
    entries = [entry for entry in entries if entry["operation"] in wanted]
    excepted = [{(entry["operation"], entry["check"], refusal) for refusal in entry["refusals"]} for entry in entries]
    for key, detail in sorted(findings.failures.items()):
        if not any(key in keys for keys in excepted):
            tally.check(" ".join(key).strip(), False, detail[:300])
    for entry, keys in zip(entries, excepted, strict=True):
        name = f"the exception {entry['operation']}: {entry['check']} {entry['refusals']} is needed"
        tally.check(name, any(key in findings.failures for key in keys))
    tally.check("in under four minutes", worked < LIMIT_S, f"{worked:.0f} s of CPU time")
    requested = sum(sum(each.values()) for each in findings.statuses.values())
    print(f"      {requested} requests, {took:.0f} s, {worked:.0f} s of CPU time", flush=True)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
