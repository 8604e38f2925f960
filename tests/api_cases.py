"""What generated requests cannot know: ids that exist, sessions that may be ended, bodies that make sense together."""

import http.client
import itertools
import time
from urllib.parse import urlencode

import httpx

from velox_client import Server, User

SYMBOL = "BTC-PERP"
# Operations that end the session they come with, or the user's password: each gets a user of its own.
CONSUMING = {"log_out", "log_out_everywhere", "revoke_session", "change_password"}
# How long to wait for what the market brings; a tick comes every second.
WAIT_S = 60
PASSWORDS = ("moss-kettle-arrow-pine", "tin-lamp-orbit-fjord")


class World:
    """Things that exist on one server."""

    def __init__(self, server: Server, user: User):
        self.server, self.user = server, user
        self.account = user.account()
        self._numbers = itertools.count()
        self._throwaway: dict[str, User] = {}
        self._held: set[str] = set()
        self._refresh: str | None = None
        quote = user.get(f"/v1/market-data/quotes/{SYMBOL}")
        self._low = str(int(float(quote["last"]) * 0.7))

    def _fresh(self, what: str) -> str:
        return f"{what}-{next(self._numbers)}"

    def _user(self, name: str) -> User:
        if name not in self._throwaway:
            self._throwaway[name] = User.register(self.server, f"{self._fresh(name).replace('_', '-')}@example.com")
        return self._throwaway[name]

    def used(self, name: str, case, response) -> None:
        """What an answer changed, taken over: a session that was ended is replaced before the next request."""
        if response.status_code >= 300:
            return
        if name == "change_password":
            user = self._throwaway[name]
            user.password = case.body["new_password"]
            user.go_on_with(response.json())
        elif name in ("log_out", "log_out_everywhere"):
            self._throwaway[name].sign_in()
        elif name == "refresh_session":
            self._refresh = response.json()["refresh_token"]

    def prepare(self, name: str, case, sensible: bool, good: bool) -> dict[str, str]:
        """Puts what exists into a request, sensible contents too when asked; answers the headers it goes with."""
        user = self._user(name) if name in CONSUMING else self.user
        if good:
            self._supply(name, case, user)
        if name in ("place_order", "explain_order") and sensible:
            self._order()
        if sensible:
            body, query = self._body(name, user), self._query(name)
            case.body = case.body if body is None else body
            case.query = case.query if query is None else query
            if case.headers:
                case.headers.pop("Idempotency-Key", None)
        return user.headers

    def _supply(self, name: str, case, user: User) -> None:
        """What exists, in place of what was generated in the form of it."""
        for parameter in list(case.path_parameters or {}):
            case.path_parameters[parameter] = self._existing(parameter, name)
        if name == "resume_account":
            self.user.call("POST", f"/v1/accounts/{self.account}/halt", json={"mode": "halted", "reason": "A check."})
        query, headers = case.query, case.headers
        if query:
            if "account_id" in query:
                query["account_id"] = self.account
            if name == "open_event_stream":
                # All accounts may be more than one stream takes, and market data is of somebody's choice.
                query["accounts"], query["symbols"] = self.account, SYMBOL
            if name == "list_candles" and "from" in query:
                # The end has to be later than the beginning.
                query.pop("to", None)
            if "after" in query and name != "list_account_events":
                self._turn_page(case)
        if headers:
            # A place in a stream is given out by a stream; tests/check_streams.py goes on from thousands.
            headers.pop("Last-Event-ID", None)
            if "If-Match" in headers:
                headers["If-Match"] = user.call("GET", case.formatted_path).headers.get("ETag", "*")
        if isinstance(case.body, dict):
            self._complete(name, case.body, user)

    def _turn_page(self, case) -> None:
        """The cursor that the list's first page ends with; none where one page holds everything."""
        wanted = {key: value for key, value in case.query.items() if key != "after"} | {"limit": 1}
        answer = self.user.call("GET", case.formatted_path, params=wanted)
        cursor = answer.json().get("next") if answer.status_code == 200 else None
        case.query = dict(case.query) | {"after": cursor}
        if cursor is None:
            del case.query["after"]

    def _complete(self, name: str, body: dict, user: User) -> None:
        """Members that name something, or that have to fit one another."""
        for member in ("account_id", "default_account_id"):
            if body.get(member) is not None:
                body[member] = self.account
        match name:
            case "place_order" | "explain_order":
                body["symbol"] = SYMBOL
                kind = body.get("type", "market")
                for price, kinds in (("limit_price", ("limit", "stop_limit")), ("stop_price", ("stop", "stop_limit"))):
                    if kind in kinds:
                        body[price] = body.get(price) or self._low
                    else:
                        body.pop(price, None)
            case "create_connection":
                body["kind"] = "paper"
                # What the catalog says of this kind: it asks for no credentials, and there is no real money in it.
                body.pop("credentials", None)
                if "environment" in body:
                    body["environment"] = "paper"
            case "update_connection":
                body.pop("credentials", None)
            case "change_password":
                body["current_password"] = user.password

    def _existing(self, parameter: str, name: str) -> str:
        match parameter:
            case "account_id":
                return self.account
            case "symbol":
                if name in ("get_position", "close_position"):
                    self._hold(name)
                return SYMBOL
            case "order_id":
                order = self._order()["id"]
                if name == "replace_order":
                    # On its way to the broker an order cannot be replaced yet.
                    self._until(lambda: self.user.get(f"/v1/orders/{order}")["status"] == "new", "no order arrived")
                return order
            case "connection_id":
                made = self.user.call("POST", "/v1/brokers", json=self._body("create_connection", self.user))
                return made.json()["id"]
            case "session_id":
                return User(self.server, self._user(name).email, self._user(name).password).session
        raise KeyError(f"no {parameter} is known")

    def _order(self) -> dict:
        """A new order, resting below the market."""
        return self._until(self._place, "an order was not taken")

    def _place(self) -> dict | None:
        made = self.user.call("POST", "/v1/orders", json=self._body("place_order", self.user))
        return made.json() if made.status_code == 201 else self._revive()

    def _revive(self) -> None:
        """Generated requests may have halted the account, limited it to nothing or taken its cash."""
        path = f"/v1/accounts/{self.account}"
        self.user.call("PUT", "/v1/users/me/risk-settings", json={})
        self.user.call("PUT", f"{path}/limits", json={})
        self.user.call("POST", f"{path}/resume")
        self.user.call("DELETE", "/v1/orders", params={"account_id": self.account})
        self.user.call("POST", f"{path}/reset", json={"cash": "100000"})

    def _hold(self, name: str) -> None:
        """A position, once for each operation that needs one: it fills with the market's next tick."""
        if name in self._held:
            return
        self._held.add(name)
        self._order()
        # Whatever is held already may be on its way out.
        self._until(self._flat, "the positions were not closed")
        order = {"account_id": self.account, "symbol": SYMBOL, "side": "buy", "type": "market", "quantity": "0.01"}
        made = self.user.call("POST", "/v1/orders", json=order)
        assert made.status_code == 201, made.text
        self._until(lambda: self.user.get("/v1/positions", account_id=self.account)["items"], "no order was filled")

    def _flat(self) -> bool:
        if not self.user.get("/v1/positions", account_id=self.account)["items"]:
            return True
        self.user.call("DELETE", "/v1/positions", params={"account_id": self.account})
        return False

    def _until(self, attempt, trouble: str):
        """What an attempt gives in the end: the server works on by itself, at the pace of its market."""
        deadline = time.monotonic() + WAIT_S
        while not (found := attempt()):
            assert time.monotonic() < deadline, trouble
            time.sleep(0.05)
        return found

    def _body(self, name: str, user: User):
        limit = {"symbol": SYMBOL, "side": "buy", "type": "limit", "quantity": "0.001", "limit_price": self._low}
        match name:
            case "place_order" | "explain_order":
                return {"account_id": self.account, "client_order_id": self._fresh("api")} | limit
            case "replace_order":
                return {"quantity": "0.002"}
            case "log_in":
                return {"email": self.user.email, "password": self.user.password}
            case "register":
                email = f"{self._fresh('api')}@example.com"
                return {"email": email, "display_name": "Ada", "password": PASSWORDS[0]}
            case "refresh_session":
                if self._refresh is None:
                    login = self.user.http.post("/v1/auth/login", json=self._body("log_in", user))
                    self._refresh = login.json()["refresh_token"]
                return {"refresh_token": self._refresh}
            case "change_password":
                new = PASSWORDS[user.password == PASSWORDS[0]]
                return {"current_password": user.password, "new_password": new}
            case "create_connection":
                return {"kind": "paper", "name": self._fresh("Paper")}
            case "update_connection":
                return {"name": self._fresh("Renamed")}
            case "import_candles":
                candle = {"open": "91000", "high": "91020", "low": "90990", "close": "91010", "volume": "3.2"}
                return {"timeframe": "1m", "candles": [{"open_time": "2024-01-05T12:00:00Z"} | candle]}
            case "import_trades":
                trade = {"price": "91000", "quantity": "0.05", "buyer_maker": False}
                return {"trades": [{"at": "2024-01-05T12:00:00.12Z", "id": 91} | trade]}
            case "halt_account":
                return {"mode": "reduce_only", "reason": "A check."}
        return None

    def _query(self, name: str):
        match name:
            case "open_event_stream":
                return {"channels": "orders,market-data", "symbols": SYMBOL, "accounts": self.account}
            case "get_order_by_client_id":
                order = self._order()
                return {"account_id": self.account, "client_order_id": order["client_order_id"]}
            case "get_position" | "close_position" | "close_all_positions" | "cancel_all_orders":
                return {"account_id": self.account}
            case "list_candles":
                return {"timeframe": "1m"}
        return None

    def long_lived(self, name: str, case, base_url: str, headers: dict[str, str]) -> int | None:
        """The status of an answer that does not end: opened, and closed again. None for an ordinary operation."""
        if name == "open_websocket":
            connection = http.client.HTTPConnection(self.server.address, timeout=10)
            upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
            connection.request("GET", "/v1/ws", headers=headers | upgrade)
            status = connection.sock and connection.getresponse().status
            connection.close()
            return 200 if status == 101 else status
        if name == "open_event_stream":
            query = urlencode(case.query or {}, doseq=True)
            with httpx.stream("GET", f"{base_url}/v1/stream?{query}", headers=headers, timeout=10) as answer:
                return answer.status_code
        return None
