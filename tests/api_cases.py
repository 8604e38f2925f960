"""What generated requests cannot know: ids that exist, sessions that may be ended, bodies that make sense together."""

import http.client
import itertools
from urllib.parse import urlencode

import httpx

from velox_client import Server, User

SYMBOL = "BTC-PERP"
# Operations that end the session they come with, or the user's password: each gets a user of its own.
CONSUMING = {"log_out", "log_out_everywhere", "revoke_session", "change_password"}
PASSWORDS = ("moss-kettle-arrow-pine", "tin-lamp-orbit-fjord")


class World:
    """Things that exist on one server."""

    def __init__(self, server: Server, user: User):
        self.server, self.user = server, user
        self.account = user.account()
        self._numbers = itertools.count()
        self._throwaway: dict[str, User] = {}
        self._refresh: str | None = None
        quote = user.get(f"/v1/market-data/quotes/{SYMBOL}")
        self._low = str(int(float(quote["last"]) * 0.7))

    def _fresh(self, what: str) -> str:
        return f"{what}-{next(self._numbers)}"

    def _user(self, name: str) -> User:
        if name not in self._throwaway:
            self._throwaway[name] = User.register(self.server, f"{self._fresh(name).replace('_', '-')}@example.com")
        return self._throwaway[name]

    def used(self, name: str, response) -> None:
        """A session that was ended is replaced before the next request."""
        if name in CONSUMING and response.status_code < 300:
            user = self._throwaway[name]
            if name == "change_password":
                user.password = PASSWORDS[1 - PASSWORDS.index(user.password)]
            user.sign_in()

    def prepare(self, name: str, case, sensible: bool, good: bool) -> dict[str, str]:
        """Puts ids that exist into a request, sensible contents too when asked; answers the headers it goes with."""
        user = self._user(name) if name in CONSUMING else self.user
        if good:
            for parameter in list(case.path_parameters or {}):
                case.path_parameters[parameter] = self._existing(parameter, name)
            if isinstance(case.body, dict) and "account_id" in case.body:
                case.body["account_id"] = self.account
            if isinstance(case.query, dict) and "account_id" in case.query:
                case.query["account_id"] = self.account
        if sensible and name in ("place_order", "explain_order"):
            self._order()
        if sensible:
            body = self._body(name, user)
            if body is not None:
                case.body = body
            query = self._query(name)
            if query is not None:
                case.query = query
        for header in ("Idempotency-Key", "If-Match", "Last-Event-ID"):
            if sensible and case.headers:
                case.headers.pop(header, None)
        return user.headers

    def _existing(self, parameter: str, name: str) -> str:
        match parameter:
            case "account_id":
                return self.account
            case "symbol":
                if name in ("get_position", "close_position"):
                    self._hold()
                return SYMBOL
            case "order_id":
                return self._order()["id"]
            case "connection_id":
                made = self.user.call("POST", "/v1/brokers", json=self._body("create_connection", self.user))
                return made.json()["id"]
            case "session_id":
                return User(self.server, self._user(name).email, self._user(name).password).session
        raise KeyError(f"no {parameter} is known")

    def _order(self) -> dict:
        made = self.user.call("POST", "/v1/orders", json=self._body("place_order", self.user))
        if made.status_code != 201:
            self._revive()
            made = self.user.call("POST", "/v1/orders", json=self._body("place_order", self.user))
        assert made.status_code == 201, made.text
        return made.json()

    def _revive(self) -> None:
        """Generated requests may have halted the account, limited it to nothing or taken its cash."""
        path = f"/v1/accounts/{self.account}"
        self.user.call("PUT", "/v1/users/me/risk-settings", json={})
        self.user.call("PUT", f"{path}/limits", json={})
        self.user.call("POST", f"{path}/resume")
        self.user.call("DELETE", "/v1/orders", params={"account_id": self.account})
        self.user.call("POST", f"{path}/reset", json={"cash": "100000"})

    def _hold(self) -> None:
        if not self.user.get("/v1/positions", account_id=self.account)["items"]:
            order = {"account_id": self.account, "symbol": SYMBOL, "side": "buy", "type": "market", "quantity": "0.01"}
            self.user.call("POST", "/v1/orders", json=order)

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
                login = httpx.post(f"{self.server.url}/v1/auth/login", json=self._body("log_in", user), timeout=30)
                return {"refresh_token": login.json()["refresh_token"]}
            case "change_password":
                new = PASSWORDS[1 - PASSWORDS.index(user.password)]
                return {"current_password": user.password, "new_password": new}
            case "create_connection":
                return {"kind": "paper", "name": self._fresh("Paper")}
            case "update_connection":
                return {"name": self._fresh("Renamed")}
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
            connection.request("GET", "/v1/ws", headers=headers | upgrade | {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})
            status = connection.sock and connection.getresponse().status
            connection.close()
            return 200 if status == 101 else status
        if name == "open_event_stream":
            query = urlencode(case.query or {}, doseq=True)
            with httpx.stream("GET", f"{base_url}/v1/stream?{query}", headers=headers, timeout=10) as answer:
                return answer.status_code
        return None
