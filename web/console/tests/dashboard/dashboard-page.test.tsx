import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DashboardPage } from "../../src/dashboard/dashboard-page";
import { MODELS, PageServer, show, takeAway } from "../rig/page-rig";
import { anAgent, aRun, aThread } from "../rig/things";

let server: PageServer;

beforeEach(() => {
  server = new PageServer();
  server.agents = [
    anAgent(1, { name: "Beta", model: "" }),
    anAgent(2, { name: "alpha", status: "running" }),
    anAgent(3, { name: "Gamma", status: "error" }),
  ];
  server.threads = [aThread(10, 2), aThread(11, 2), aThread(12, 3)];
  server.runs = [
    aRun(1, aThread(10, 2), "running"),
    aRun(2, aThread(11, 2), "queued"),
    aRun(3, aThread(12, 3), "failed", { error: "The key was refused." }),
  ];
});

afterEach(takeAway);

async function rows(): Promise<HTMLElement[]> {
  const table = await screen.findByRole("table");
  return within(table).getAllByRole("row").slice(1);
}

async function names(): Promise<(string | null | undefined)[]> {
  return (await rows()).map((row) => within(row).getAllByRole("cell")[0]?.textContent);
}

async function texts(place: number): Promise<(string | null)[]> {
  const row = (await rows())[place] as HTMLElement;
  return within(row)
    .getAllByRole("cell")
    .map((cell) => cell.textContent);
}

describe("the table", () => {
  test("tells of each agent its name, model, status, last run, threads and age", async () => {
    show(server, <DashboardPage />);
    await waitFor(async () => expect((await texts(1))[1]).toBe("echo (default)"));
    expect((await texts(0)).slice(0, 5)).toEqual([
      "alpha",
      "echo",
      "Running2, 2 answers in progress",
      expect.stringMatching(/^Asked/),
      "2",
    ]);
    expect((await texts(1)).slice(2, 5)).toEqual(["Idle", "Never", "0"]);
    expect((await texts(2))[3]).toContain("The key was refused.");
    const link = screen.getByRole("link", { name: "2 threads of alpha" });
    expect(link.getAttribute("href")).toBe("/agents/2");
  });

  test("what others change appears by itself", async () => {
    show(server, <DashboardPage />);
    expect(await names()).toEqual(["alpha", "Beta", "Gamma"]);
    server.publish("agent_created", anAgent(4, { name: "Delta" }));
    server.publish("agent_updated", anAgent(2, { name: "omega", version: 2 }));
    server.publish("agent_deleted", { id: 3, name: "Gamma", version: 2 });
    await waitFor(async () => expect((await names()).toSorted()).toEqual(["Beta", "Delta", "omega"]));
  });

  test("each column sorts, once more turns round, and the next page knows it", async () => {
    show(server, <DashboardPage />);
    await rows();
    const head = screen.getByRole("columnheader", { name: "Threads" });
    fireEvent.click(within(head).getByRole("button"));
    expect(await names()).toEqual(["alpha", "Gamma", "Beta"]);
    expect(head.getAttribute("aria-sort")).toBe("descending");
    fireEvent.click(within(head).getByRole("button"));
    expect(await names()).toEqual(["Beta", "Gamma", "alpha"]);
    expect(JSON.parse(localStorage.getItem("trunkline.dashboard sorting") ?? "")).toEqual({
      column: "threads",
      isDescending: false,
    });
  });

  test("filters by text, status and model, and says when nothing is left", async () => {
    show(server, <DashboardPage />);
    await rows();
    const text = screen.getByRole("searchbox");
    fireEvent.change(text, { target: { value: "A L" } });
    await waitFor(async () => expect(await names()).toEqual(["alpha"]));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Agents1 of 3");
    fireEvent.change(text, { target: { value: "" } });
    fireEvent.change(screen.getByLabelText("Status"), { target: { value: "error" } });
    await waitFor(async () => expect(await names()).toEqual(["Gamma"]));
    fireEvent.change(text, { target: { value: "nobody" } });
    fireEvent.click(await screen.findByRole("button", { name: "Show all" }));
    await waitFor(async () => expect(await names()).toHaveLength(3));
  });

  test("`/` goes to the filter, and Escape clears it", async () => {
    show(server, <DashboardPage />);
    await rows();
    fireEvent.keyDown(document.documentElement, { key: "/", code: "Slash" });
    const text = screen.getByRole("searchbox");
    expect(document.activeElement).toBe(text);
    fireEvent.change(text, { target: { value: "x" } });
    fireEvent.keyDown(text, { key: "Escape" });
    expect((text as HTMLInputElement).value).toBe("");
  });

  test("cards instead are remembered", async () => {
    show(server, <DashboardPage />);
    await rows();
    fireEvent.click(screen.getByLabelText("Cards"));
    expect(await screen.findByRole("list", { name: "Agents" })).toBeDefined();
    expect(localStorage.getItem("trunkline.dashboard view")).toBe('"cards"');
  });

  test("a list that the server cut says so", async () => {
    server.isTruncated = true;
    show(server, <DashboardPage />);
    expect(await screen.findByText(/There are more agents than are shown here/)).toBeDefined();
  });
});

describe("what one does", () => {
  test("a deletion can be undone, and nothing was asked of the server", async () => {
    show(server, <DashboardPage />);
    await rows();
    fireEvent.click(screen.getByRole("button", { name: "Delete Beta" }));
    await waitFor(async () => expect(await names()).toEqual(["alpha", "Gamma"]));
    fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
    await waitFor(async () => expect(await names()).toEqual(["alpha", "Beta", "Gamma"]));
    expect(server.asked.filter(({ method }) => method === "DELETE")).toEqual([]);
  });

  test("running an agent with a task asks it in a thread of its own, and offers to open that", async () => {
    server.agents = [anAgent(1, { task_instructions: "Write the notes.\nAll of them." })];
    server.answers.set("POST /api/threads", { status: 201, body: aThread(77, 1) });
    show(server, <DashboardPage />);
    await rows();
    fireEvent.click(screen.getByRole("button", { name: "Run Agent 1" }));
    const link = await screen.findByRole("link", { name: "Open the thread" });
    expect(link.getAttribute("href")).toBe("/threads/77");
    expect(server.asked.at(-1)?.body).toEqual({ agent_id: 1, title: "Write the notes.", active: true });
    await waitFor(() => expect(server.called).toHaveLength(1));
    expect(server.called[0]).toMatchObject({
      method: "thread.send",
      params: { thread_id: 77, content: "Write the notes.\nAll of them.", run: true },
    });
  });

  test("an agent without a task needs a message, which outlives a failure and the closing", async () => {
    server.answers.set("POST /api/threads", { status: 503, body: { detail: "The storage is not available." } });
    show(server, <DashboardPage />);
    await rows();
    fireEvent.click(screen.getByRole("button", { name: "Run Beta" }));
    fireEvent.change(await screen.findByLabelText("Message"), { target: { value: "Hello there" } });
    fireEvent.click(screen.getByRole("button", { name: "Run" }));
    expect((await screen.findByRole("alert")).textContent).toContain("The storage is not available.");
    fireEvent.click(screen.getByRole("button", { name: "Close" }));
    fireEvent.click(await screen.findByRole("button", { name: "Run Beta" }));
    expect((await screen.findByLabelText<HTMLTextAreaElement>("Message")).value).toBe("Hello there");
  });

  test("a run that could not begin is told", async () => {
    server.agents = [anAgent(1, { task_instructions: "Do it." })];
    server.answers.set("POST /api/threads", "unreachable");
    show(server, <DashboardPage />);
    await rows();
    fireEvent.click(screen.getByRole("button", { name: "Run Agent 1" }));
    expect(await screen.findByText(/The server cannot be reached/)).toBeDefined();
  });
});

test("a server that cannot be reached is told, after a moment", async () => {
  server.isUp = false;
  show(server, <DashboardPage />);
  expect(screen.getByRole("status", { name: "Loading the agents" })).toBeDefined();
  expect(await screen.findByText(/kept nothing of the agents/, {}, { timeout: 5_000 })).toBeDefined();
});

test("the default model is asked for again when the server is back", async () => {
  server.answers.set("GET /api/models", "unreachable");
  server.isUp = false;
  show(server, <DashboardPage />);
  await waitFor(() => expect(server.asked).toHaveLength(1));
  server.isUp = true;
  server.answers.set("GET /api/models", MODELS);
  await waitFor(async () => expect((await texts(1))[1]).toBe("echo (default)"));
});
