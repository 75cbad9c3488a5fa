import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import ChatPage from "../../src/chat/chat-page";
import type { Run } from "../../src/generated/agents";
import { DashboardWsManager } from "../../src/managers/dashboard-ws-manager";
import { useManager } from "../../src/managers/use-manager";
import type { App } from "../../src/state/app-state";
import { PageServer, show, takeAway } from "../rig/page-rig";
import { aMessage, anAgent, aRun, aThread } from "../rig/things";

const thread = aThread(10, 1, { title: "Of tea" });
const question = aMessage(1, thread, "Why tea?");
const answer = aMessage(2, thread, "Because **it is warm**.", { role: "assistant" });
const done = aRun(5, thread, "done", { message_id: 2 });

let server: PageServer;

beforeEach(() => {
  server = new PageServer();
  server.agents = [anAgent(1, { name: "Ada" }), anAgent(2, { name: "Grace" })];
  server.threads = [thread, aThread(11, 1, { title: "Of coffee" }), aThread(12, 2, { title: "Elsewhere" })];
  server.runs = [done];
  server.histories.set(10, { thread, messages: [question, answer], last_run: done });
});

afterEach(takeAway);

const makeManager = (app: App) => new DashboardWsManager(app);

/** The page as its frame shows it. */
function Framed({ agentId, threadId }: { readonly agentId?: number; readonly threadId?: number }) {
  useManager(makeManager);
  return <ChatPage agentId={agentId} threadId={threadId} />;
}

const open = (threadId = 10) => show(server, <Framed threadId={threadId} />);
const field = () => screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
const log = () => screen.getByRole("log", { name: "Messages" });

async function write(text: string): Promise<void> {
  const textarea = await field();
  fireEvent.change(textarea, { target: { value: text } });
  fireEvent.keyDown(textarea, { key: "Enter" });
  await act(async () => {});
}

function running(status: Run["status"], more: Partial<Run> = {}) {
  const run = aRun(6, thread, status, { message_id: 4, ...more });
  return { run_id: 6, thread_id: 10, agent_id: 1, run, status: "failed" as const };
}

describe("a thread", () => {
  test("shows its messages, whom one talks to, and the threads of the agent alone", async () => {
    open();
    expect(await screen.findByRole("heading", { level: 1, name: "Of tea" })).toBeTruthy();
    expect(log().textContent).toContain("Why tea?");
    expect(within(log()).getByText("it is warm").tagName).toBe("STRONG");
    const list = screen.getByRole("navigation", { name: "Threads of this agent" });
    expect(
      within(list)
        .getAllByRole("link")
        .map(({ textContent }) => textContent),
    ).toEqual(["Of coffee", "Of tea"]);
    expect(within(list).getByRole("link", { name: "Of tea" }).getAttribute("aria-current")).toBe("page");
  });

  test("streams an answer and tells its end once", async () => {
    open();
    await field();
    const ids = { run_id: 6, thread_id: 10, message_id: 4 };
    server.publishIn(10, "thread_message_created", aMessage(3, thread, "And now?"));
    server.publishIn(10, "run_started", running("running"));
    expect(await screen.findByRole("img", { name: "The agent is thinking" })).toBeTruthy();
    server.publishIn(10, "stream_start", ids);
    server.publishIn(10, "stream_chunk", { ...ids, at: 0, text: "Now **lemon" });
    await waitFor(() => expect(within(log()).getByText("lemon").tagName).toBe("STRONG"));
    server.publishIn(10, "stream_chunk", { ...ids, at: 11, text: "ade**." });
    await waitFor(() => expect(within(log()).getByText("lemonade").tagName).toBe("STRONG"));
    server.publishIn(10, "thread_message_created", aMessage(4, thread, "Now **lemonade**.", { role: "assistant" }));
    server.publishIn(10, "run_finished", { ...running("done"), status: "done" });
    await waitFor(() => expect(screen.getByText("Answer finished").getAttribute("role")).toBe("status"));
    expect(within(log()).getAllByText("lemonade")).toHaveLength(1);
  });

  test("a failed answer says why, and can be asked for again", async () => {
    open();
    await field();
    server.publishIn(10, "thread_message_created", aMessage(3, thread, "And now?"));
    server.publishIn(10, "run_finished", running("failed", { error: "The key was refused." }));
    fireEvent.click(await screen.findByRole("button", { name: "Try again" }));
    await waitFor(() => expect(server.called).toHaveLength(1));
    expect(server.called[0]).toMatchObject({ method: "thread.resend", params: { thread_id: 10, message_id: 3 } });
    await server.reply({ error: { code: "rate_limited", error: "Too many answers are waiting" } });
    expect(await screen.findByText("Too many answers are waiting")).toBeTruthy();
  });

  test("Esc stops the answer in progress", async () => {
    open();
    await field();
    server.publishIn(10, "run_started", running("running"));
    await screen.findByRole("button", { name: "Stop the answer" });
    fireEvent.keyDown(document.documentElement, { key: "Escape" });
    await waitFor(() => expect(server.called[0]).toMatchObject({ method: "run.cancel", params: { run_id: 6 } }));
  });
});

describe("sending", () => {
  test("shows the message at once, and the server's in its place", async () => {
    open();
    await write("One more");
    expect((await field()).value).toBe("");
    await waitFor(() => expect(server.called[0]).toMatchObject({ params: { content: "One more", run: true } }));
    const { client_id } = (server.called[0]?.["params"] ?? {}) as { client_id: string };
    expect(within(log()).getByText("One more")).toBeTruthy();
    server.publishIn(10, "thread_message_created", aMessage(3, thread, "One more", { client_id }));
    await waitFor(() => expect(log().querySelector('[data-message="3"]')).toBeTruthy());
    expect(within(log()).getAllByText("One more")).toHaveLength(1);
    await server.reply({ result: {} });
    expect(within(log()).getAllByText("One more")).toHaveLength(1);
  });

  test("a refused message says why; its words go back into the field", async () => {
    open();
    await write("Refuse me");
    await waitFor(() => expect(server.called).toHaveLength(1));
    await server.reply({ error: { code: "too_large", error: "content takes at most 10 bytes" } });
    expect((await within(log()).findByRole("alert")).textContent).toContain("content takes at most 10 bytes");
    fireEvent.click(screen.getByRole("button", { name: "Back into the field" }));
    expect((await field()).value).toBe("Refuse me");
  });

  test("what is written during an answer waits for its end", async () => {
    open();
    await field();
    server.publishIn(10, "run_started", running("running"));
    await screen.findByRole("button", { name: "Stop the answer" });
    await write("Then this");
    expect(await within(log()).findByText("Sent when this answer has ended")).toBeTruthy();
    expect(server.called).toHaveLength(0);
    server.publishIn(10, "run_finished", { ...running("cancelled"), status: "cancelled" });
    await waitFor(() => expect(server.called[0]).toMatchObject({ params: { content: "Then this" } }));
  });

  test("a draft is there again when one comes back", async () => {
    open();
    fireEvent.change(await field(), { target: { value: "Unfinished" } });
    await waitFor(() => expect(localStorage.getItem("trunkline.draft 10")).toBe('"Unfinished"'));
  });

  test("what was written of a message that somebody deletes meanwhile goes into the field", async () => {
    const second = aMessage(3, thread, "And milk?");
    server.histories.set(10, { thread, messages: [question, answer, second], last_run: done });
    open();
    fireEvent.keyDown(await field(), { key: "ArrowUp" });
    const editor = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Message, edited" });
    fireEvent.change(editor, { target: { value: "And lemon?" } });
    server.publishIn(10, "thread_message_deleted", { id: 3, thread_id: 10, version: 2 });
    await waitFor(async () => expect((await field()).value).toBe("And lemon?"));
    expect(screen.queryByRole("textbox", { name: "Message, edited" })).toBeNull();
  });

  test("the arrow edits the last message; what is sent again asks the thread anew", async () => {
    open();
    fireEvent.keyDown(await field(), { key: "ArrowUp" });
    const editor = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Message, edited" });
    expect(editor.value).toBe("Why tea?");
    fireEvent.change(editor, { target: { value: "Why coffee?" } });
    fireEvent.click(screen.getByRole("button", { name: "Send again" }));
    await waitFor(() => expect(server.called).toHaveLength(1));
    expect(server.called[0]).toMatchObject({ params: { thread_id: 10, message_id: 1, content: "Why coffee?" } });
    await server.reply({ error: { code: "conflict", error: "Thread 10 already has run 7 in progress" } });
    expect(await screen.findByText("Thread 10 already has run 7 in progress")).toBeTruthy();
    expect(editor.value).toBe("Why coffee?");
  });

  test("the first message makes a thread of its name; where that fails, the words stay", async () => {
    server.answers.set("POST /api/threads", "unreachable");
    server.threads = [];
    show(server, <Framed agentId={2} />);
    await write("Tell me of ships\nand of seas");
    expect((await screen.findByRole("alert")).textContent).toContain("cannot be reached");
    expect((await field()).value).toBe("Tell me of ships\nand of seas");
    server.answers.set("POST /api/threads", { status: 201, body: aThread(20, 2) });
    await write("Tell me of ships\nand of seas");
    await waitFor(() => expect(location.pathname).toBe("/threads/20"));
    const made = server.asked.filter(({ path, method }) => path === "/api/threads" && method === "POST");
    expect(made.at(-1)?.body).toEqual({ agent_id: 2, title: "Tell me of ships", active: true });
    await waitFor(() => expect(server.called[0]).toMatchObject({ params: { thread_id: 20 } }));
  });

  test("an untitled thread is named by its first message", async () => {
    const untitled = aThread(11, 1, { title: "" });
    server.histories.set(11, { thread: untitled, messages: [] });
    server.answers.set("PATCH /api/threads/11", { status: 200, body: untitled });
    open(11);
    await write("What is a name?");
    server.publishIn(11, "thread_message_created", aMessage(3, untitled, "What is a name?"));
    await waitFor(() =>
      expect(server.asked.at(-1)).toMatchObject({ method: "PATCH", body: { title: "What is a name?" } }),
    );
  });
});

describe("where a thread is not", () => {
  test("one that never was leads on", async () => {
    open(99);
    expect(await screen.findByRole("heading", { level: 1, name: "There is no such thread" })).toBeTruthy();
    expect(screen.getByRole("link", { name: "To the dashboard" })).toBeTruthy();
  });

  test("one that somebody deletes while it is open gives back what was not sent", async () => {
    localStorage.setItem("trunkline.draft 10", '"Precious words"');
    open();
    await field();
    server.publishIn(10, "thread_deleted", { ...thread, version: 2 });
    expect(await screen.findByRole("heading", { level: 1, name: "This thread was deleted" })).toBeTruthy();
    expect(within(screen.getByRole("region", { name: "Not sent" })).getByText("Precious words")).toBeTruthy();
    expect(screen.getByRole("link", { name: "To Ada" }).getAttribute("href")).toBe("/agents/1");
  });

  test("an agent that is not there is said so", async () => {
    show(server, <Framed agentId={99} />);
    expect(await screen.findByRole("heading", { level: 1, name: "There is no such agent" })).toBeTruthy();
  });
});

describe("going to a thread", () => {
  test("the chat opens the thread where something happened last", async () => {
    server.runs = [aRun(5, thread, "done", { finished_at: "2026-05-02T12:00:00.000Z" })];
    show(server, <Framed />);
    await waitFor(() => expect(location.pathname).toBe("/threads/10"));
  });

  test("an agent opens its newest thread", async () => {
    show(server, <Framed agentId={2} />);
    await waitFor(() => expect(location.pathname).toBe("/threads/12"));
  });

  test("without a thread one chooses an agent", async () => {
    server.threads = [];
    show(server, <Framed />);
    expect((await screen.findByRole("link", { name: "Grace" })).getAttribute("href")).toBe("/agents/2");
  });
});

describe("the list of threads", () => {
  test("finds by name, and marks what is being answered", async () => {
    server.runs = [aRun(5, aThread(11, 1), "running")];
    open();
    await screen.findByRole("img", { name: "being answered" });
    fireEvent.change(screen.getByRole("searchbox", { name: "Find a thread" }), { target: { value: "TEA" } });
    const list = screen.getByRole("navigation", { name: "Threads of this agent" });
    expect(within(list).getAllByRole("link")).toHaveLength(1);
    fireEvent.change(screen.getByRole("searchbox", { name: "Find a thread" }), { target: { value: "wine" } });
    expect(within(list).getByText("No thread has this in its name.")).toBeTruthy();
  });

  test("renames; where that fails, the field says why", async () => {
    server.answers.set("PATCH /api/threads/10", { status: 503, body: { detail: "The storage is not available." } });
    open();
    fireEvent.click(await screen.findByRole("button", { name: "What to do with “Of tea”" }));
    fireEvent.click(await screen.findByRole("menuitem", { name: "Rename" }));
    const name = await screen.findByRole("textbox", { name: "New name of the thread" });
    fireEvent.change(name, { target: { value: "Of green tea" } });
    fireEvent.keyDown(name, { key: "Enter" });
    expect(await screen.findByText("The storage is not available.")).toBeTruthy();
    expect(server.asked.at(-1)?.body).toEqual({ title: "Of green tea" });
  });

  test("deletes at once, and takes it back", async () => {
    open();
    fireEvent.click(await screen.findByRole("button", { name: "What to do with “Of coffee”" }));
    fireEvent.click(await screen.findByRole("menuitem", { name: "Delete" }));
    await waitFor(() => expect(screen.queryByRole("link", { name: "Of coffee" })).toBeNull());
    fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
    expect(await screen.findByRole("link", { name: "Of coffee" })).toBeTruthy();
    expect(server.asked.filter(({ method }) => method === "DELETE")).toEqual([]);
  });
});

test("messages that the snapshot left out are fetched from where it begins", async () => {
  const items = [aMessage(1, thread, "The very first")];
  server.histories.set(10, { thread, messages: [aMessage(7, thread, "Newest")], truncated: true });
  server.answers.set("GET /api/threads/10/messages", { status: 200, body: { items, next: null } });
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Older messages" }));
  expect(await within(log()).findByText("The very first")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Older messages" })).toBeNull();
});
