"""Telling others of requests: from the configuration to the webhooks that hear every step."""

import asyncio
from collections.abc import Mapping
from typing import Final

from interlock.app.clock import now
from interlock.app.config import Config, ConfigFault, HookFormat, WebhookConfig
from interlock.app.config.checks import url_problem
from interlock.app.ids import new_id
from interlock.app.secrets import read_secret
from interlock.app.serve.leases import Leases
from interlock.connectors.events import Format, Step, chat_message, cloud_event
from interlock.connectors.webhook import Hook, Say, Webhook
from interlock.model import Card, Lease

_FORMATS: Final[Mapping[HookFormat, tuple[Format, str]]] = {
    HookFormat.CLOUDEVENTS: (cloud_event, "application/cloudevents+json"),
    HookFormat.SLACK: (chat_message, "application/json"),
}


def hooks_of(config: Config, environ: Mapping[str, str]) -> list[Hook]:
    """The configured webhooks, with their secrets. Raises Fault."""
    return [_hook(name, hook, environ) for name, hook in config.approvals.webhooks.items()]


def _hook(name: str, hook: WebhookConfig, environ: Mapping[str, str]) -> Hook:
    url = hook.url or read_secret(env=hook.url_env, file=None, environ=environ)
    if (problem := url_problem(url)) is not None:
        raise ConfigFault("interlock.toml", [(1, f"`url_env` of [approvals.webhooks.{name}]: {problem}")])
    signs = hook.secret_env is not None or hook.secret_file is not None
    secret = read_secret(env=hook.secret_env, file=hook.secret_file, environ=environ).encode() if signs else None
    format, content_type = _FORMATS[hook.format]
    return Hook(name=name, url=url, format=format, content_type=content_type, secret=secret)


class Crier:
    """Tells every webhook of every step; a reload may change whom."""

    def __init__(self, leases: Leases, *, gateway: str, say: Say) -> None:
        self._gateway = gateway
        self._say = say
        self._webhooks: list[Webhook] = []
        self._changed = asyncio.Event()
        leases.listen(self._hear)

    def adopt(self, hooks: list[Hook]) -> None:
        """From here on these are told; what the others were still to be told is dropped."""
        self._webhooks = [Webhook(hook, say=self._say, now=now) for hook in hooks]
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(webhook.run()) for webhook in self._webhooks]
                await self._changed.wait()
                for task in running:
                    task.cancel()

    def _hear(self, what: str, lease: Lease, card: Card | None) -> None:
        step = Step(id=new_id(), what=what, lease=lease, at=now(), gateway=self._gateway, card=card)
        for webhook in self._webhooks:
            webhook.tell(step)
