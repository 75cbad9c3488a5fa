import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AgentDraft, ModelInfo } from "../../src/api/rest";
import { DashboardPage } from "../../src/dashboard/dashboard-page";
import { chooseFirstModel, QUESTIONS } from "../../src/welcome/first-agent";
import { PageServer, show, takeAway } from "../rig/page-rig";
import { anAgent, aThread } from "../rig/things";

let server: PageServer;

beforeEach(() => {
  server = new PageServer();
});

afterEach(takeAway);

/** The button of the welcome, once it is known which model there is. */
async function firstButton(): Promise<HTMLButtonElement> {
  const button = await screen.findByRole<HTMLButtonElement>("button", { name: "Create a first agent" });
  await waitFor(() => expect(button.disabled).toBe(false));
  return button;
}

test("two clicks lead from nothing to a first question, whichever comes first, the event or the answer", async () => {
  server.answers.set("POST /api/agents", (draft: AgentDraft) => {
    const agent = anAgent(1, draft);
    server.publish("agent_created", agent);
    return { status: 201, body: agent };
  });
  server.answers.set("POST /api/threads", { status: 201, body: aThread(5, 1) });
  show(server, <DashboardPage />);
  fireEvent.click(await firstButton());
  fireEvent.click(await screen.findByRole("button", { name: QUESTIONS[1] }));
  await waitFor(() => expect(location.pathname).toBe("/threads/5"));
  await waitFor(() => expect(server.called[0]).toMatchObject({ params: { thread_id: 5, content: QUESTIONS[1] } }));
  expect(server.asked.find(({ method, path }) => method === "POST" && path === "/api/agents")?.body).toMatchObject({
    model: "echo",
  });
});

test("the second click is still there after a reload in between", async () => {
  localStorage.setItem("trunkline.first agent", "1");
  server.agents = [anAgent(1, { name: "Assistant" })];
  show(server, <DashboardPage />);
  expect(await screen.findByRole("button", { name: QUESTIONS[0] })).toBeDefined();
});

test("a failure is told, and can be tried again", async () => {
  server.answers.set("POST /api/agents", "unreachable");
  show(server, <DashboardPage />);
  const button = await firstButton();
  fireEvent.click(button);
  expect((await screen.findByRole("alert")).textContent).toContain("cannot be reached");
  expect(button.disabled).toBe(false);
});

test("one may make an own agent instead", async () => {
  show(server, <DashboardPage />);
  fireEvent.click(await screen.findByRole("button", { name: "Make your own instead" }));
  expect(await screen.findByRole("form", { name: "Agent" })).toBeDefined();
  expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Agents");
});

test("whoever has agents, or a list that is cut, sees no welcome", async () => {
  server.isTruncated = true;
  show(server, <DashboardPage />);
  expect(await screen.findByText("There are no agents.")).toBeDefined();
  expect(screen.queryByRole("button", { name: "Create a first agent" })).toBeNull();
});

function model(id: string, more: Partial<ModelInfo> = {}): ModelInfo {
  return { id, provider: id, available: true, default: false, description: "", problem: null, ...more };
}

test.each([
  ["the local one", [model("gpt", { default: true }), model("local/smollm2"), model("echo")], "local/smollm2"],
  [
    "the configured one",
    [model("gpt", { default: true }), model("local/smollm2", { available: false }), model("echo")],
    "gpt",
  ],
  ["echo", [model("gpt", { default: true, available: false }), model("echo")], "echo"],
  ["echo", [model("echo", { default: true })], "echo"],
  ["echo", [], "echo"],
])("the first model is %s where it can answer", (_which, models, id) => {
  const chosen = chooseFirstModel(models);
  expect(chosen.id).toBe(id);
  expect(chosen.sentence).toMatch(/^It answers with .*\.$/);
});

test("echo says what it is", () => {
  expect(chooseFirstModel([]).sentence).toContain("repeats what you write");
});
