"""`mailhub serve`: the daemon. Only this command loads it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import click

from mailhub.config import SECTIONS, Config, file

PORTS = tuple(
    name for name, kind in SECTIONS.items() if {"address", "port"} <= {each.name for each in fields(kind)}
)


@click.command()
@click.option("--port-offset", type=click.IntRange(0, 60_000), default=0, help="Add this to every port.")
@click.pass_context
def serve(ctx: click.Context, port_offset: int) -> None:
    """Run the daemon until SIGTERM. SIGHUP reads the configuration again.

    \b
    Example: mailhub --config /etc/mailhub/mailhub.toml serve
    """
    from mailhub.service import daemon

    path = file.find(ctx.obj["config"])
    daemon.serve(load(path, port_offset), lambda: load(path, port_offset))


def load(path: Path | None, port_offset: int) -> Config:
    """The configuration with every fixed port shifted; port 0 stays "a free one"."""
    config = file.load(path)
    shifted = {}
    for name in PORTS:
        section = getattr(config, name)
        shifted[name] = replace(section, port=section.port + port_offset if section.port else 0)
    return replace(config, **shifted)
