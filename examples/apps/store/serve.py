"""The store: jars by version, and the git repository of the C service, over plain HTTP.

Two thirds of what a Maven repository and a git server are: files at addresses. git reads a repository that
`git update-server-info` was run in from any such server.
"""

import functools
import os
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("PORT", "8080"))
FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")

if __name__ == "__main__":
    handler = functools.partial(SimpleHTTPRequestHandler, directory=FILES)
    ThreadingHTTPServer(("", PORT), handler).serve_forever()
