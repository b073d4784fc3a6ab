from __future__ import annotations

import json
import threading
import time
import unittest
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import tests  # noqa: F401, puts the package's sources on the path

from plinth import _tokens
from plinth._tokens import TeamTokens, TokenError


class Issuer(BaseHTTPRequestHandler):
    """Gives `token-<number>`, each valid for `lasts` seconds."""

    lasts = 60.0
    given = 0
    secret = "right"
    out_of_order = 0
    lock = threading.Lock()

    @property
    def own(self) -> type[Issuer]:
        return type(self)

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        self.answer(200, {"token_endpoint": f"http://127.0.0.1:{port}/token"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = urllib.parse.parse_qs(body)
        with self.own.lock:
            if self.own.out_of_order > 0:
                self.own.out_of_order -= 1
                return self.answer(503, {})
            if form["client_secret"] != [self.own.secret]:
                return self.answer(401, {"error": "unauthorized_client"})
            self.own.given += 1
            number = self.own.given
        self.answer(200, {"access_token": f"token-{number}", "expires_in": self.own.lasts})

    def answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def issuer(lasts: float = 60) -> Iterator[tuple[type[Issuer], Path, TeamTokens]]:
    class Own(Issuer):
        pass

    Own.lasts = lasts
    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "issuer").write_text(f"http://127.0.0.1:{server.server_address[1]}")
            (folder / "clientId").write_text("team-a\n")
            (folder / "clientSecret").write_text("right\n")
            yield Own, folder, TeamTokens(folder)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TokensTest(unittest.TestCase):
    def test_a_token_is_used_until_it_is_about_to_end(self) -> None:
        now = 1000.0
        with issuer(lasts=60) as (own, _, tokens), mock.patch.object(_tokens, "time") as clock:
            clock.monotonic.side_effect = lambda: now
            self.assertEqual(tokens.token(), "token-1")
            now += 39
            self.assertEqual(tokens.token(), "token-1")
            self.assertEqual(own.given, 1)
            # With a third of its life left it is renewed.
            now += 2
            self.assertEqual(tokens.token(), "token-2")

    def test_many_threads_ask_the_issuer_once(self) -> None:
        with issuer() as (own, _, tokens):
            got: list[str] = []
            threads = [threading.Thread(target=lambda: got.append(tokens.token())) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(got, ["token-1"] * 20)
            self.assertEqual(own.given, 1)

    def test_a_refused_token_is_replaced_once_for_all_who_were_refused(self) -> None:
        with issuer() as (own, _, tokens):
            first = tokens.token()
            self.assertEqual([tokens.instead_of(first), tokens.instead_of(first)], ["token-2", "token-2"])
            self.assertEqual(tokens.token(), "token-2")
            self.assertEqual(own.given, 2)

    def test_rotated_credentials_are_taken_up(self) -> None:
        with issuer() as (own, folder, tokens):
            first = tokens.token()
            own.secret = "the next one"
            (folder / "clientSecret").write_text("the next one")
            self.assertEqual(tokens.instead_of(first), "token-2")

    def test_an_issuer_that_fails_for_a_moment_is_asked_again(self) -> None:
        with issuer() as (own, _, tokens):
            own.out_of_order = 2
            self.assertEqual(tokens.token(), "token-1")

    def test_a_valid_token_is_used_on_while_there_is_no_other(self) -> None:
        with issuer() as (own, folder, tokens):
            first = tokens.token()
            known = tokens._token
            assert known is not None
            tokens._token = type(known)(known.text, time.monotonic(), known.ends_at)
            (folder / "clientSecret").write_text("wrong")
            with self.assertLogs("plinth._tokens", "WARNING"):
                self.assertEqual(tokens.token(), first)

    def test_a_refusal_says_who_refuses_what(self) -> None:
        with issuer() as (_, folder, tokens):
            (folder / "clientSecret").write_text("wrong")
            with self.assertRaisesRegex(TokenError, r"refuses the credentials in .*: unauthorized_client"):
                tokens.token()


if __name__ == "__main__":
    unittest.main()
