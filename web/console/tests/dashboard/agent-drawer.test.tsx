import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AgentDrawer } from "../../src/dashboard/agent-drawer";
import type { Agent } from "../../src/generated/agents";
import { DashboardWsManager } from "../../src/managers/dashboard-ws-manager";
import { useManager } from "../../src/managers/use-manager";
import { type App, useApp } from "../../src/state/app-state";
import { PageServer, show, takeAway } from "../rig/page-rig";
import { anAgent } from "../rig/things";

const AGENT = anAgent(7, { name: "Ada", config: { temperature: 0.5, owner: "me" }, version: 3 });

let server: PageServer;

beforeEach(() => {
  server = new PageServer();
  server.agents = [AGENT];
});

afterEach(takeAway);

function Page({ agent }: { readonly agent: Agent | "new" }) {
  useManager(makeManager);
  const [editing, setEditing] = useState<Agent | "new" | null>(agent);
  return (
    <>
      <button type="button" onClick={() => setEditing(agent)}>
        Open
      </button>
      <AgentDrawer editing={editing} close={() => setEditing(null)} />
    </>
  );
}

const makeManager = (app: App) => new DashboardWsManager(app);

/** The form of an agent, on a page that is up to date. */
async function open(agent: Agent | "new"): Promise<void> {
  show(server, <Page agent={agent} />);
  await waitFor(() => expect(useApp.getState().agents.status).toBe("live"));
}

function field(name: string): HTMLInputElement {
  return screen.getByLabelText<HTMLInputElement>(new RegExp(`^${name}`));
}

function type(name: string, value: string): void {
  fireEvent.change(field(name), { target: { value } });
}

function press(name: string): void {
  fireEvent.click(screen.getByRole("button", { name }));
}

const changes = () => server.asked.filter(({ method }) => method !== "GET");

test("a new agent is sent as it was typed, the options among the rest of the config", async () => {
  server.answers.set("POST /api/agents", { status: 201, body: anAgent(8, { name: "Bob" }) });
  await open("new");
  type("Name", "Bob");
  type("System instructions", "You are Bob.");
  type("Temperature", "0.25");
  type("Everything else", '{"stop": ["END"]}');
  press("Create");
  expect(await screen.findByText("“Bob” is created.")).toBeDefined();
  expect(changes()[0]?.body).toEqual({
    name: "Bob",
    model: "",
    system_instructions: "You are Bob.",
    task_instructions: "",
    config: { stop: ["END"], temperature: 0.25 },
  });
  expect(localStorage.getItem("trunkline.draft of agent new")).toBeNull();
});

test("models are named with the default, and one that cannot answer says why", async () => {
  await open(anAgent(7, { model: "local/smollm2" }));
  expect(await screen.findByText("The local model is not installed.")).toBeDefined();
  fireEvent.click(screen.getByRole("combobox", { name: "Model" }));
  expect(await screen.findByText("Default: echo")).toBeDefined();
});

test("what is wrong stands at its field, and nothing is sent", async () => {
  await open("new");
  type("Temperature", "5");
  type("Everything else", "{");
  press("Create");
  expect(screen.getByText("name must not be blank")).toBeDefined();
  expect(screen.getByText("'temperature' must be a number from 0 to 2, not 5.")).toBeDefined();
  expect(screen.getByText(/^This is not JSON/)).toBeDefined();
  expect(changes()).toEqual([]);
});

test("what the server refuses stands at its field too, until that is changed", async () => {
  const errors = [
    { place: "body.config", error: "config is nested more than 32 levels deep", kind: "invalid_message" },
  ];
  server.answers.set("POST /api/agents", { status: 422, body: { detail: "Not valid.", errors } });
  await open("new");
  type("Name", "Bob");
  press("Create");
  expect(await screen.findByText("config is nested more than 32 levels deep")).toBeDefined();
  type("Everything else", "{}");
  expect(screen.queryByText("config is nested more than 32 levels deep")).toBeNull();
});

test.each([
  ["unreachable", /cannot be reached/],
  [{ status: 500 }, /The server failed at this/],
  [{ status: 401 }, /Log in again/],
  [{ status: 429 }, /Too much at once/],
] as const)("a failure (%o) has its sentence, and what was typed stays", async (answer, sentence) => {
  server.answers.set("PATCH /api/agents/7", answer);
  await open(AGENT);
  type("Name", "Ada the second");
  press("Save");
  expect((await screen.findByRole("alert")).textContent).toMatch(sentence);
  expect(field("Name").value).toBe("Ada the second");
});

test("only what was changed is sent, with the newest version", async () => {
  server.answers.set("PATCH /api/agents/7", { status: 200, body: { ...AGENT, name: "Eve", version: 5 } });
  await open(AGENT);
  server.publish("agent_updated", { ...AGENT, status: "running", version: 4 });
  await waitFor(() => expect(useApp.getState().agents.data.get(7)?.version).toBe(4));
  type("Name", "Eve");
  press("Save");
  expect(await screen.findByText("“Eve” is saved.")).toBeDefined();
  expect(changes()[0]?.body).toEqual({ name: "Eve", version: 4 });
});

test("a run that changed the version in between is no conflict: it is saved all the same", async () => {
  const patched = ({ version }: { readonly version: number }) =>
    version === 4
      ? { status: 200, body: { ...AGENT, name: "Eve", version: 5 } }
      : { status: 409, body: { detail: "Agent 7 is at version 4, not 3" } };
  server.answers.set("PATCH /api/agents/7", patched);
  server.answers.set("GET /api/agents/7", { status: 200, body: { ...AGENT, status: "running", version: 4 } });
  await open(AGENT);
  type("Name", "Eve");
  press("Save");
  expect(await screen.findByText("“Eve” is saved.")).toBeDefined();
});

test("what others changed elsewhere in the agent comes into the form, and what was typed stays", async () => {
  await open(AGENT);
  type("Name", "Mine");
  server.publish("agent_updated", { ...AGENT, task_instructions: "Theirs", version: 4 });
  await waitFor(() => expect(field("Task instructions").value).toBe("Theirs"));
  expect(field("Name").value).toBe("Mine");
});

test.each([
  ["Keep yours", "Mina"],
  ["Take theirs", "Thea"],
])("what was changed here and there is shown, and “%s” leaves “%s”", async (choice, left) => {
  await open(AGENT);
  type("Name", "Mina");
  server.publish("agent_updated", { ...AGENT, name: "Thea", version: 4 });
  const conflict = await screen.findByRole("region", { name: "Both changed: Name" });
  expect(within(conflict).getByText("Mina")).toBeDefined();
  expect(within(conflict).getByText("Thea")).toBeDefined();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Save" }).disabled).toBe(true);
  press(choice);
  expect(field("Name").value).toBe(left);
  expect(screen.queryByRole("region", { name: "Both changed: Name" })).toBeNull();
});

test("a conflict that only the answer tells is shown as well", async () => {
  server.answers.set("PATCH /api/agents/7", { status: 409, body: { detail: "Agent 7 is at version 4, not 3" } });
  server.answers.set("GET /api/agents/7", { status: 200, body: { ...AGENT, name: "Theirs", version: 4 } });
  await open(AGENT);
  type("Name", "Mine");
  press("Save");
  expect(await screen.findByText("Somebody changed this agent while you wrote")).toBeDefined();
  expect(field("Name").value).toBe("Mine");
});

test("an agent that somebody deleted can be created anew of what was typed", async () => {
  server.answers.set("POST /api/agents", { status: 201, body: anAgent(9, { name: "Mine" }) });
  await open(AGENT);
  type("Name", "Mine");
  server.publish("agent_deleted", { id: 7, name: "Ada", version: 4 });
  expect(await screen.findByText("Somebody deleted this agent")).toBeDefined();
  press("Create");
  expect(await screen.findByText("“Mine” is created.")).toBeDefined();
  expect(changes()[0]).toMatchObject({ method: "POST", body: { name: "Mine", config: AGENT.config } });
});

test("closing loses nothing, and starting afresh forgets it", async () => {
  await open(AGENT);
  type("Name", "Half a na");
  press("Close");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  press("Open");
  expect(field("Name").value).toBe("Half a na");
  expect(screen.getByText(/what you typed earlier/)).toBeDefined();
  press("Start afresh");
  expect(field("Name").value).toBe("Ada");
  press("Close");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  press("Open");
  expect(field("Name").value).toBe("Ada");
});

test("a page that goes away loses nothing either", async () => {
  await open("new");
  type("Name", "Unsaved");
  dispatchEvent(new Event("pagehide"));
  expect(localStorage.getItem("trunkline.draft of agent new")).toContain("Unsaved");
});
