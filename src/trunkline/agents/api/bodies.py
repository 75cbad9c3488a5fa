"""Request bodies. Types are strict and unknown members are refused; the services hold every other rule."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from trunkline.agents.services import AgentChanges, AgentDraft, MessageDraft, Resend, ThreadChanges, ThreadDraft

MAX_ID = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Version = Annotated[
    int | None,
    Field(ge=1, le=MAX_ID, description="The version that was edited; if there is a newer one, the answer is 409."),
]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AgentBody(_Body):
    """A new agent."""

    name: str
    model: str = Field("", description='A name from /api/models; "" leaves the choice to the server.')
    system_instructions: str = ""
    task_instructions: str = ""
    config: dict[str, Any] = Field(default_factory=dict, description="Options of the model, and anything else.")

    def draft(self) -> AgentDraft:
        """What the services take."""
        return AgentDraft(**self.model_dump(include=set(AgentBody.model_fields)))


class AgentReplacement(AgentBody):
    """The whole of an agent; what is left out gets its default."""

    version: Version = None


# The defaults of a patch are never read: a field that is not set is not changed. Made by a factory, they stay out of
# the schema, where they would look like what a missing field becomes.


class AgentPatch(_Body):
    """Some fields of an agent; what is left out stays."""

    name: str = Field(default_factory=str)
    model: str = Field(default_factory=str)
    system_instructions: str = Field(default_factory=str)
    task_instructions: str = Field(default_factory=str)
    config: dict[str, Any] = Field(default_factory=dict)
    version: Version = None

    def changes(self) -> AgentChanges:
        """What the services take."""
        return AgentChanges(**_given(self))


class ThreadBody(_Body):
    """A new thread."""

    agent_id: Id
    title: str = ""
    active: bool = True

    def draft(self) -> ThreadDraft:
        """What the services take."""
        return ThreadDraft(**self.model_dump(include=set(ThreadBody.model_fields)))


class ThreadReplacement(ThreadBody):
    """The whole of a thread; what is left out gets its default."""

    version: Version = None


class ThreadPatch(_Body):
    """Some fields of a thread; what is left out stays."""

    title: str = Field(default_factory=str)
    active: bool = Field(default_factory=bool)
    version: Version = None

    def changes(self) -> ThreadChanges:
        """What the services take."""
        return ThreadChanges(**_given(self))


class MessageBody(_Body):
    """A message from the user. It starts no run; `POST /api/threads/{id}/run` does."""

    content: str
    client_id: str | None = Field(None, description="Sending the same one again adds no second message.")

    def draft(self) -> MessageDraft:
        """What the services take."""
        return MessageDraft(content=self.content, client_id=self.client_id)


class ResendBody(_Body):
    """How a message is sent again."""

    content: str | None = Field(None, description="Other words; the message stays as it is without.")
    client_id: str | None = Field(None, description="A new name for the message; it keeps the one it has without.")

    def resend(self) -> Resend:
        """What the services take."""
        return Resend(content=self.content, client_id=self.client_id)


def _given(patch: _Body) -> dict[str, Any]:
    return patch.model_dump(exclude_unset=True, exclude={"version"})
