"""The rules of agents, threads and runs: every change goes through here, and tells its events."""

from trunkline.agents.services.agents import AgentChanges, AgentDraft, AgentService
from trunkline.agents.services.chat import ChatService, Resent, Sent
from trunkline.agents.services.paging import Page
from trunkline.agents.services.runs import Outcome, Prompt, RunService
from trunkline.agents.services.threads import MessageDraft, Resend, ThreadChanges, ThreadDraft, ThreadService

__all__ = [
    "AgentChanges",
    "AgentDraft",
    "AgentService",
    "ChatService",
    "MessageDraft",
    "Outcome",
    "Page",
    "Prompt",
    "Resend",
    "Resent",
    "RunService",
    "Sent",
    "ThreadChanges",
    "ThreadDraft",
    "ThreadService",
]
