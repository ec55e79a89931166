"""The methods of HTTP by name, for both clients: ``client.get(url)`` is ``client.request("GET", url)``."""

from __future__ import annotations

from typing import Any

from patata._options import RequestOptions, Unpack
from patata.models import Response


class Methods:
    """Those of :class:`patata.Patata`."""

    def request(
        self, method: str, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """Sends one request, and waits for its response."""
        raise NotImplementedError

    def get(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a GET, as :meth:`request` says."""
        return self.request("GET", url, id_=id_, **options)

    def head(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a HEAD, as :meth:`request` says."""
        return self.request("HEAD", url, id_=id_, **options)

    def options(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends an OPTIONS, as :meth:`request` says."""
        return self.request("OPTIONS", url, id_=id_, **options)

    def post(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a POST, as :meth:`request` says."""
        return self.request("POST", url, id_=id_, **options)

    def put(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a PUT, as :meth:`request` says."""
        return self.request("PUT", url, id_=id_, **options)

    def patch(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a PATCH, as :meth:`request` says."""
        return self.request("PATCH", url, id_=id_, **options)

    def delete(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a DELETE, as :meth:`request` says."""
        return self.request("DELETE", url, id_=id_, **options)


class AsyncMethods:
    """Those of :class:`patata.AsyncPatata`."""

    async def request(
        self, method: str, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """Sends one request, and waits for its response."""
        raise NotImplementedError

    async def get(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a GET, as :meth:`request` says."""
        return await self.request("GET", url, id_=id_, **options)

    async def head(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a HEAD, as :meth:`request` says."""
        return await self.request("HEAD", url, id_=id_, **options)

    async def options(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends an OPTIONS, as :meth:`request` says."""
        return await self.request("OPTIONS", url, id_=id_, **options)

    async def post(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a POST, as :meth:`request` says."""
        return await self.request("POST", url, id_=id_, **options)

    async def put(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a PUT, as :meth:`request` says."""
        return await self.request("PUT", url, id_=id_, **options)

    async def patch(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a PATCH, as :meth:`request` says."""
        return await self.request("PATCH", url, id_=id_, **options)

    async def delete(self, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]) -> Response:
        """Sends a DELETE, as :meth:`request` says."""
        return await self.request("DELETE", url, id_=id_, **options)
