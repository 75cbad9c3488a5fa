"""nchan: publish and subscribe as a module of nginx, from Debian; published to by HTTP."""

import sys

from benchmarks.fanout.generator import BUILD, Clients
from benchmarks.fanout.installing import apt
from benchmarks.fanout.peer import Peer

_CONFIGURATION = """
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 19000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  nchan_shared_memory_size 512M;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    nchan_subscriber_first_message newest;
    nchan_message_buffer_length 1000;
    nchan_message_timeout 5m;
    location = /publish {{ nchan_publisher; nchan_channel_id bench; }}
    location = /one {{ nchan_subscriber websocket; nchan_channel_id bench; }}
    location = /two {{ nchan_subscriber websocket; nchan_channel_id bench $arg_room; }}
  }}
}}
"""


def _serve(port: int) -> list[str]:
    """Write the configuration, and run nginx with it: one worker, for there is one core."""
    folder = BUILD / "nchan"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").write_text(_CONFIGURATION.format(folder=folder, port=port))
    return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


PEERS = [
    Peer(
        name="nchan",
        title="nchan (C, in nginx)",
        serve=_serve,
        publisher=lambda port: [sys.executable, "-m", "benchmarks.peers.nchan.publisher", str(port)],
        clients=Clients(path="/one"),
        idle_clients=Clients(path="/two?room=room-%d"),
        install=lambda: apt(("nginx-light", "libnginx-mod-nchan")),
    )
]
