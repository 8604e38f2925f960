"""Every operation of the API, with generated requests: Schemathesis against a real server, as the document describes it.

Each operation gets 50 examples, half of them meant to be good and half meant to be bad, all checks on. Every one has to
succeed at least once, and none may answer 5xx. What fails for a reason stands in schemathesis_exceptions.json; an
exception that is no longer needed is a failure too, so the list can only shrink.
"""

import json
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
LIMIT_S = 240
EXCEPTIONS = Path(__file__).resolve().parent / "schemathesis_exceptions.json"


class Findings:
    """What came of the requests, by operation."""

    def __init__(self):
        self.statuses: dict[str, Counter] = defaultdict(Counter)
        self.failures: dict[tuple[str, str], str] = {}

    def failed(self, operation: str, failure: BaseException, case, response) -> None:
        """Keeps the first failure of each check of each operation."""
        check = type(failure).__name__
        sent = case.as_transport_kwargs() if case is not None else {}
        said = {"sent": {name: sent.get(name) for name in ("params", "json", "data") if sent.get(name)}}
        text = f"{failure} | {case.method} {case.formatted_path} {said} -> {response.status_code} {response.text[:300]}"
        self.failures.setdefault((operation, check), " ".join(text.split())[:900])


def examine(operation, world: api_cases.World, findings: Findings, base_url: str) -> None:
    """The examples of one operation."""
    name = operation.definition.raw["operationId"]
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
            response = case.call(base_url=base_url, headers=headers, timeout=20)
            if status is None:
                findings.statuses[name][response.status_code] += 1
            world.used(name, response)
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


def main() -> int:
    warnings.simplefilter("ignore")
    tally, findings, began = Tally(), Findings(), time.monotonic()
    print(f"seed {SEED}, {EXAMPLES} examples an operation", flush=True)
    with Server() as server:
        document = requests.get(f"{server.url}/v1/openapi.json", timeout=10).json()
        schema = schemathesis.openapi.from_dict(document)
        world = api_cases.World(server, User(server))
        operations = [result.ok() for result in schema.get_all_operations()]
        for operation in operations:
            began_one = time.monotonic()
            examine(operation, world, findings, server.url)
            print(f"      {operation.label}: {time.monotonic() - began_one:.1f} s", flush=True)
        answers = requests.get(f"{server.url}/readyz", timeout=10).status_code
        tally.check("the server is still there", answers == 200, server.log_end())
    described = sum(method in ("get", "put", "post", "patch", "delete") for path in document["paths"].values() for method in path)
    tally.check(f"each of {described} operations was examined", described == len(operations) == len(findings.statuses))
    for name, statuses in sorted(findings.statuses.items()):
        succeeded = any(status < 300 for status in statuses)
        broken = any(status >= 500 for status in statuses)
        tally.check(f"{name}: succeeds at least once, never 5xx", succeeded and not broken, dict(statuses))
    excepted = {(entry["operation"], entry["check"]) for entry in json.loads(EXCEPTIONS.read_text())}
    for (name, check), detail in sorted(findings.failures.items()):
        if (name, check) not in excepted:
            tally.check(f"{name}: {check}", False, detail)
    for name, check in sorted(excepted):
        tally.check(f"the exception {name}: {check} is needed", (name, check) in findings.failures)
    took = time.monotonic() - began
    tally.check("in under four minutes", took < LIMIT_S, f"{took:.0f} s")
    print(f"      {sum(sum(each.values()) for each in findings.statuses.values())} requests, {took:.0f} s", flush=True)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
