"""The official Python client, package `convex`, against a real server process."""

import threading
import time

import pytest
from convex import ConvexClient, ConvexError, ConvexInt64
from convex.http_client import ConvexHttpClient


def test_queries_mutations_and_actions(server):
    client = ConvexClient(server.url)
    assert client.query("counters:get", {"name": "a"}) == 0
    assert client.mutation("counters:add", {"name": "a", "by": 2}) == 2
    assert client.query("counters:get", {"name": "a"}) == 2
    value = {"int": ConvexInt64(2**40), "bytes": b"\x00\xff", "list": [None, True, 0.5, "x"], "inf": float("inf")}
    echoed = client.action("values:actionEcho", {"value": value})
    assert echoed["bytes"] == b"\x00\xff"
    assert echoed["list"] == [None, True, 0.5, "x"]
    assert echoed["inf"] == float("inf")
    assert int(getattr(echoed["int"], "value", echoed["int"])) == 2**40


def test_subscriptions_follow_mutations(server):
    client = ConvexClient(server.url)
    other = ConvexClient(server.url)
    seen = []
    for value in client.subscribe("counters:get", {"name": "watched"}):
        seen.append(value)
        if value == 3:
            break
        other.mutation("counters:add", {"name": "watched", "by": 1})
    assert seen == [0, 1, 2, 3]


def test_errors_carry_their_data(server):
    client = ConvexClient(server.url)
    with pytest.raises(ConvexError) as raised:
        client.mutation("values:mutationFailWith", {"value": {"code": "NOT_FOUND"}})
    assert raised.value.data == {"code": "NOT_FOUND"}
    with pytest.raises(Exception, match="plainly"):
        client.query("values:fail", {"text": "plainly"})
    with pytest.raises(Exception, match="Could not find public function"):
        client.query("nowhere:get")


def test_a_mutation_in_flight_survives_a_crash_exactly_once(server):
    client = ConvexClient(server.url)
    client.query("counters:get", {"name": "crash"})
    done = []

    def call():
        for _ in range(40):
            done.append(client.mutation("counters:add", {"name": "crash", "by": 1}))

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    for _ in range(2):
        time.sleep(0.1)
        server.kill()
        server.start()
    caller.join(timeout=60)
    assert done == [float(i + 1) for i in range(40)]
    assert client.query("counters:get", {"name": "crash"}) == 40


def test_the_http_client(server):
    client = ConvexHttpClient(server.url)
    assert client.mutation("counters:add", {"name": "http", "by": 1}) == 1
    assert client.query("counters:get", {"name": "http"}) == 1
    with pytest.raises(Exception, match="plainly"):
        client.query("values:fail", {"text": "plainly"})
