"""A stand-in for the Hugging Face hub on this machine: as much of its API as uploads and downloads of models use.

Repositories are lists of commits; large files (`.safetensors`) go the way of Git LFS, in a request of their own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

OWNER, TOKEN, READER = "jane", "hf_writes", "hf_reads"


@dataclass
class Repository:
    """Files of each commit, oldest first, and who may see them."""

    private: bool = False
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1]

    def commit(self, files: dict[str, bytes], message: str) -> str:
        identity = hashlib.sha1(f"{len(self.commits)}{message}".encode()).hexdigest()
        self.commits.append((identity, files))
        self.messages.append(message)
        return identity

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1]
        return next((one for one in self.commits if one[0] == revision or one[0].startswith(revision)), None)


class Hub:
    """The server's memory; `requests` are method and path of all that it was asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.fails_with: int | None = None
        self.address = ""

    def environment(self, home: object, token: str | None = TOKEN) -> dict[str, str]:
        """What a process needs to take this for the hub."""
        found = {"HF_ENDPOINT": self.address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
                 "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"}  # fmt: skip
        return found | ({} if token is None else {"HF_TOKEN": token})


class _Answer(Exception):
    def __init__(self, code: int, **headers: str) -> None:
        self.code, self.headers = code, headers


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.hub.fails_with is not None:
                raise _Answer(self.hub.fails_with)
            self._route(path)
        except _Answer as answer:
            self._send(answer.code, b'{"error": "refused"}', **answer.headers)

    def _route(self, path: str) -> None:
        parts = path.strip("/").split("/")
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(self.body))
        if parts[0] == "large":
            self.hub.large[parts[1]] = self.body
            return self._send(200, b"")
        if parts[0] == "api" and parts[1] == "models":
            repository = self._repository("/".join(parts[2:4]))
            what = parts[4] if len(parts) > 4 else "revision"
            return getattr(self, f"_{what}")(repository, "/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main")
        if path.endswith(".git/info/lfs/objects/batch"):
            self._require_writer()
            return self._batch(json.loads(self.body))
        if len(parts) > 4 and parts[2] == "resolve":
            return self._resolve(self._repository("/".join(parts[:2])), parts[3], "/".join(parts[4:]))
        raise _Answer(404)

    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _require_writer(self) -> None:
        if self._token() != TOKEN:
            raise _Answer(403 if self._token() == READER else 401)

    def _repository(self, name: str) -> Repository:
        found = self.hub.repositories.get(name)
        if found is None or (found.private and self._token() != TOKEN):
            code = 404 if self._token() in (TOKEN, READER) else 401
            raise _Answer(code, **{"X-Error-Code": "RepoNotFound"})
        return found

    def _create(self, asked: dict) -> None:
        self._require_writer()
        owner = asked.get("organization") or OWNER
        if owner != OWNER:
            raise _Answer(404 if owner == "nobody" else 403)
        name = f"{owner}/{asked['name']}"
        if name in self.hub.repositories:
            return self._send(409, json.dumps({"url": f"{self.hub.address}/{name}"}).encode())
        made = Repository(private=bool(asked.get("private") or asked.get("visibility") == "private"))
        made.commit({".gitattributes": b"*.safetensors filter=lfs"}, "initial commit")
        self.hub.repositories[name] = made
        return self._json({"url": f"{self.hub.address}/{name}"})

    def _preupload(self, repository: Repository, name: str, revision: str) -> None:
        self._require_writer()
        asked = json.loads(self.body)["files"]
        modes = {one["path"]: "lfs" if one["path"].endswith(".safetensors") else "regular" for one in asked}
        self._json(
            {"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]}
        )

    def _batch(self, asked: dict) -> None:
        objects = []
        for one in asked["objects"]:
            upload = {"upload": {"href": f"{self.hub.address}/large/{one['oid']}", "header": {}}}
            objects.append({**one, "actions": {} if one["oid"] in self.hub.large else upload})
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, repository: Repository, name: str, revision: str) -> None:
        self._require_writer()
        files, message = dict(repository.files), ""
        for line in self.body.decode().splitlines():
            kind, value = (one := json.loads(line))["key"], one["value"]
            if kind == "header":
                message = value["summary"]
            elif kind == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif kind == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            elif kind == "deletedFile":
                del files[value["path"]]
            else:
                raise _Answer(400)
        identity = repository.commit(files, message)
        self._json(
            {"success": True, "commitOid": identity, "commitUrl": f"{self.hub.address}/{name}/commit/{identity}"}
        )

    def _at(self, repository: Repository, revision: str) -> tuple[str, dict[str, bytes]]:
        found = repository.at(revision)
        if found is None:
            raise _Answer(404, **{"X-Error-Code": "RevisionNotFound"})
        return found

    def _revision(self, repository: Repository, name: str, revision: str) -> None:
        identity, files = self._at(repository, revision)
        siblings = [{"rfilename": path} for path in files]
        self._json({"id": name, "modelId": name, "sha": identity, "private": repository.private, "siblings": siblings,
                    "tags": [], "downloads": 0, "likes": 0})  # fmt: skip

    def _tree(self, repository: Repository, name: str, revision: str) -> None:
        _, files = self._at(repository, revision)
        self._json([
            {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for path, content in files.items()
        ])  # fmt: skip

    def _resolve(self, repository: Repository, revision: str, path: str) -> None:
        identity, files = self._at(repository, revision)
        headers = {"X-Repo-Commit": identity}
        if path not in files:
            raise _Answer(404, **headers, **{"X-Error-Code": "EntryNotFound"})
        self._send(200, files[path], ETag=f'"{hashlib.sha1(files[path]).hexdigest()}"', **headers)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def _send(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def local_hub() -> Iterator[Hub]:
    """A hub that runs while the block does."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
