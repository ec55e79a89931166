"""Threads that start and end all the time, some with clients, in a process of their own: nothing crashes."""

SCRIPT = """
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    answered = []

    def work(number):
        # The extension is loaded by a thread that ends long before the process does: the allocator's state
        # of its first thread is then given up, and a later thread may have the same id.
        from patata import Patata

        if number % 25 == 0:
            with Patata(num_workers=1, verbose=False) as client:
                answered.extend(response.ok for response in client.http("get", [(1, url), (2, url)]))

    server = Server(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for first in range(0, 5_000, 5):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(first, first + 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(len(answered), all(answered))
"""


def test_five_thousand_short_threads_beside_a_threaded_server_crash_nothing(script):
    assert script(SCRIPT) == "400 True\n"
