"""The older package lost every chunk past its queue; this one loses nothing."""

from patata import Patata


def test_150_000_requests_with_default_settings_give_150_000_ids(server):
    statuses = set()
    ids = bytearray(150_000)
    with Patata(verbose=False) as client:
        for response in client.http("get", ((i, server.url + "/") for i in range(150_000))):
            ids[response.id_] += 1
            statuses.add(response.status_code)
    assert ids == b"\x01" * 150_000
    assert statuses == {200}
    assert server.requests == 150_000
