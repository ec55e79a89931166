"""What is not asked for again: a cache of responses, equal requests, files that have not changed."""

import asyncio
import os
import pickle
from pathlib import Path

import peers
import pyarrow as pa
import pytest
from patata import AsyncPatata, Cache, CacheError, Patata, Request
from patata.exceptions import NotCachedError
from support import free_port


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    return tmp_path_factory.mktemp("static")


@pytest.fixture(scope="module")
def cached(static):
    """The URL of an API whose responses may be cached."""
    os.environ["PATATA_TEST_STATIC"] = str(static)
    with peers.uvicorn("cached_api:app", free_port()) as url:
        yield url


def asked(url, path):
    """How often the server was asked for a path."""
    with Patata(verbose=False) as client:
        return client.get(f"{url}/asked").data.get(path, 0)


def test_what_is_fresh_is_asked_for_once_by_all_clients_and_processes(cached, script, tmp_path):
    url = f"{cached}/fresh/everywhere"
    with Patata(verbose=False, cache=tmp_path / "cache") as client:
        responses = list(client.http("get", ((i, url) for i in range(500))))
        assert {(r.status_code, r.data["asked"]) for r in responses} == {(200, 1)}
        receipt = client.receipt
        assert (receipt.ok, receipt.cache_hits, receipt.cache_misses) == (500, 499, 1)
        assert sum(r.from_cache for r in responses) == 499
        assert (client.get(url).cache_status, client.get(url, cache=None).cache_status) == ("hit", "sent")
    printed = script(f"""
        from patata import Patata
        client = Patata(verbose=False, cache={str(tmp_path / "cache")!r})
        print(client.get({url!r}).cache_status, client.receipt.attempts)
    """)
    assert printed.split() == ["hit", "0"]
    assert asked(cached, "/fresh/everywhere") == 2


def test_what_is_stale_is_validated_and_the_body_comes_out_of_the_cache(cached, tmp_path):
    url = f"{cached}/tagged/potato"
    with Patata(verbose=False, cache=tmp_path) as client:
        came = [client.get(url) for _ in range(3)]
        assert [r.cache_status for r in came] == ["sent", "revalidated", "revalidated"]
        assert [(r.status_code, r.data) for r in came] == [(200, {"name": "potato"})] * 3
        assert (client.receipt.ok, client.receipt.cache_revalidated) == (1, 1)
    assert asked(cached, '/tagged/potato "potato"') == 2


def test_requests_that_ask_in_other_ways_have_responses_of_their_own(cached, tmp_path):
    with Patata(verbose=False, cache=tmp_path) as client:
        for expected in ("sent", "hit"):
            for language in ("de", "fr"):
                response = client.get(f"{cached}/varies", headers={"X-Language": language})
                assert (response.cache_status, response.data) == (expected, {"language": language})


def test_offline_sends_nothing_and_says_what_it_has_not(cached, tmp_path):
    cache = Cache(tmp_path)
    with Patata(verbose=False, cache=cache) as client:
        client.get(f"{cached}/tagged/known")
    with Patata(verbose=False, cache=cache, cache_mode="offline") as client:
        assert client.get(f"{cached}/tagged/known").data == {"name": "known"}
        responses = client.http("get", [(1, f"{cached}/tagged/unknown"), (2, f"{cached}/tagged/known")])
        responses = {r.id_: r for r in responses}
        assert isinstance(responses[1].error, NotCachedError)
        assert 'cache_mode="offline"' in str(responses[1].error)
        assert responses[2].ok
        assert client.receipt.errors == {"NotCachedError": 1}
    assert asked(cached, "/tagged/unknown") == 0


def test_refresh_asks_about_all_and_forever_about_nothing(cached, tmp_path):
    with Patata(verbose=False, cache=tmp_path) as client:
        for name, mode, expected in [
            ("fresh/modes", "standard", "sent"),
            ("fresh/modes", "refresh", "sent"),
            ("tagged/modes", "standard", "sent"),
            ("tagged/modes", "refresh", "revalidated"),
            ("tagged/modes", "forever", "hit"),
        ]:
            assert client.get(f"{cached}/{name}", cache_mode=mode).cache_status == expected, (name, mode)


def test_an_asyncio_client_has_the_same_cache(cached, tmp_path):
    async def main():
        async with AsyncPatata(verbose=False, cache=tmp_path, distinct=True) as client:
            one = await client.get(f"{cached}/fresh/asyncio")
            requests = [(i, f"{cached}/fresh/asyncio") for i in range(20)]
            many = [r async for r in client.http("get", requests)]
            posts = [(i, f"{cached}/slow/asyncio") for i in range(20)]
            slow = [r async for r in client.http("post", posts)]
            return one, many, slow, client.receipt

    one, many, slow, receipt = asyncio.run(main())
    assert (one.cache_status, {r.cache_status for r in many}) == ("sent", {"hit"})
    assert ({r.data["asked"] for r in slow}, receipt.shared) == ({1}, 19)


def test_a_folder_that_is_no_cache_is_left_as_it_is(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(CacheError, match="is no cache of patata's, and no empty folder; name another one"):
        Patata(verbose=False, cache=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(CacheError, match="check that the disk has room and that you may write there"):
        Patata(verbose=False, cache="/proc/no-such-place")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache": 7}, "cache must be True, the path of a folder, or a patata.Cache, got 7"),
        ({"cache_mode": "online"}, "one of standard, offline, refresh, forever, got 'online'"),
        ({"distinct": "yes"}, "distinct must be True or False, got 'yes'"),
        ({"if_changed": 1}, "if_changed must be True or False, got 1"),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        Patata(verbose=False, **options)


@pytest.mark.parametrize("size", [0, 10, True, "many", "-1GB", 1.5, "1e9"])
def test_a_bad_size_is_named(size, tmp_path):
    with pytest.raises(ValueError, match="max_size must be a number of bytes of at least 1 MB"):
        Cache(tmp_path, max_size=size)


def test_a_cache_is_the_same_in_another_process(tmp_path):
    cache = pickle.loads(pickle.dumps(Cache(tmp_path, max_size="1.5 GB")))
    assert repr(cache) == f"Cache({str(tmp_path)!r}, max_size=1500000000)"
    assert (Path(repr(Cache(tmp_path, max_size="1GiB"))[-11:-1]).name, cache.folder) == (
        "1073741824",
        tmp_path,
    )


def test_the_users_cache_is_where_the_system_keeps_caches(script, tmp_path):
    printed = script(f"""
        import os
        os.environ["XDG_CACHE_HOME"] = {str(tmp_path)!r}
        from patata import Cache, Patata
        Patata(cache=True)
        print(Cache().folder)
    """)
    assert printed.strip() == str(tmp_path / "patata" / "http")
    assert (tmp_path / "patata" / "http").is_dir()


def test_equal_requests_are_sent_once_and_each_gets_the_response(cached):
    def requests():
        for i in range(200):
            yield Request(i, f"{cached}/slow/{i % 4}", json={"same": True}, headers={"X-Request-Id": str(i)})

    with Patata(verbose=False, distinct=True) as client:
        responses = list(client.http("post", requests()))
        assert len({r.id_ for r in responses}) == 200
        assert all(r.data == {"name": str(r.id_ % 4), "asked": 1} for r in responses)
        assert (client.receipt.ok, client.receipt.shared) == (200, 196)
        assert ("Shared", "196 (responses to equal requests)") in client.receipt.lines()
        # It is a call within which they are equal, not a client.
        assert next(client.http("post", [(0, f"{cached}/slow/0")])).data["asked"] == 2


def test_with_a_run_folder_they_are_sent_once_by_all_calls_that_go_on_with_it(cached, tmp_path):
    def call(count):
        requests = [(i, f"{cached}/slow/folder{i % 4}") for i in range(count)]
        with Patata(verbose=False, distinct=True) as client:
            responses = list(client.http("post", requests, run_folder=tmp_path / "run"))
            return {r.data["asked"] for r in responses}, client.receipt

    first, receipt = call(40)
    assert (first, receipt.shared, receipt.skipped) == ({1}, 36, 0)
    second, receipt = call(80)
    assert (second, receipt.shared, receipt.skipped) == ({1}, 40, 40)


def test_what_equal_requests_lead_to_is_asked_once(cached):
    def follow(response):
        return [(number, f"{cached}/links/{number}") for number in response.data["links"]]

    with Patata(verbose=False, distinct=True) as client:
        responses = list(client.http("get", [(0, f"{cached}/links/0")], follow=follow))
    sent = [r.id_ for r in responses if not r.from_cache]
    # Each page leads to four, itself or others.
    assert (sorted(sent), len(responses)) == (list(range(40)), 1 + 40 * 4)


def test_files_that_have_not_changed_are_left_alone(cached, static, tmp_path):
    for name in ("a", "b", "c"):
        (static / name).write_text(f"contents of {name}")

    def download():
        with Patata(verbose=False, stream_to=f"{tmp_path}/{{id}}") as client:
            requests = [(name, f"{cached}/static/{name}") for name in ("a", "b", "c")]
            responses = client.http("get", requests, if_changed=True)
            came = {r.id_: (r.status_code, r.cache_status, r.path, r.ok) for r in responses}
            assert (client.receipt.ok, client.receipt.failed) == (3, 0)
            return came

    sent = {name: (200, "sent", tmp_path / name, True) for name in ("a", "b", "c")}
    same = {name: (304, "unchanged", tmp_path / name, True) for name in ("a", "b", "c")}
    assert download() == sent
    inodes = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    assert download() == same
    (static / "b").write_text("other contents")
    os.utime(static / "b", (1, 1))
    (tmp_path / "c").write_text("mine")
    assert download() == {**sent, "a": same["a"]}
    assert (tmp_path / "b").read_text() == "other contents"
    assert (tmp_path / "c").read_text() == "contents of c"
    assert (tmp_path / "a").stat().st_ino == inodes["a"]


def test_if_changed_says_what_it_needs(client, server):
    with pytest.raises(ValueError, match="say with stream_to where they are"):
        client.http("get", [(1, server.url)], if_changed=True)


def test_files_are_linked_out_of_the_cache(cached, static, tmp_path):
    (static / "large").write_bytes(b"x" * 300_000)
    with Patata(verbose=False, cache=tmp_path / "cache", cache_mode="forever") as client:
        for name in ("first", "second"):
            client.get(f"{cached}/static/large", stream_to=lambda _, name=name: tmp_path / name)
    assert (tmp_path / "first").stat().st_ino == (tmp_path / "second").stat().st_ino


def test_a_disk_that_is_full_costs_no_response_and_is_told(cached, script, tmp_path):
    printed = script(f"""
        import resource
        from patata import Patata
        client = Patata(verbose=False, cache={str(tmp_path / "cache")!r}, cache_mode="forever")
        client.get("{cached}/fresh/before")
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        responses = list(client.http("get", [(i, f"{cached}/fresh/full{{i}}") for i in range(50)]))
        print(sum(r.ok for r in responses), client.receipt.cache_misses, client.receipt.cache_trouble)
        print(client.get("{cached}/fresh/before").cache_status)
    """)
    told, before = printed.splitlines()
    assert told.startswith("50 50 writing ")
    assert "check that the disk has room" in told
    assert before == "hit"


def test_tables_are_answered_out_of_the_cache_too(cached, tmp_path):
    table = pa.table({"url": [f"{cached}/fresh/table"] * 100})
    with Patata(verbose=False, cache=tmp_path) as client:
        assert client.fetch(table)["status"].to_pylist() == [200] * 100
    assert asked(cached, "/fresh/table") == 1
