import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Shell } from "../../src/shell/shell";
import { PageServer, show, takeAway } from "../rig/page-rig";
import { aMessage, anAgent, aThread } from "../rig/things";

let server: PageServer;

beforeEach(() => {
  server = new PageServer();
  server.agents = [anAgent(1, { name: "Anna" })];
  server.threads = [aThread(4, 1, { title: "About the sea" })];
});

afterEach(takeAway);

async function open(): Promise<void> {
  show(server, <Shell>The page</Shell>);
  await screen.findByText("Live");
}

test("the finder leads to agents, threads and pages", async () => {
  await open();
  fireEvent.keyDown(document.body, { key: "k", code: "KeyK", ctrlKey: true });
  const field = await screen.findByPlaceholderText("Find agents and threads");
  fireEvent.change(field, { target: { value: "sea" } });
  await waitFor(() => expect(screen.queryByText("Operations", { selector: "mark, [class*=label]" })).toBeNull());
  fireEvent.keyDown(field, { key: "ArrowDown", code: "ArrowDown" });
  fireEvent.keyDown(field, { key: "Enter", code: "Enter" });
  await waitFor(() => expect(location.pathname).toBe("/threads/4"));
});

test("keys lead to the pages, but not while somebody writes", async () => {
  show(
    server,
    <Shell>
      <input aria-label="field" />
    </Shell>,
  );
  fireEvent.keyDown(document.body, { key: "3", code: "Digit3" });
  expect(location.pathname).toBe("/operations");
  fireEvent.keyDown(screen.getByLabelText("field"), { key: "2", code: "Digit2" });
  expect(location.pathname).toBe("/operations");
});

test("the list of keys opens with a question mark", async () => {
  await open();
  fireEvent.keyDown(document.body, { key: "?", code: "Slash", shiftKey: true });
  const list = await screen.findByRole("dialog", { name: "Keyboard" });
  expect(within(list).getByText("Stop the answer")).toBeTruthy();
});

test("the title counts the threads with an answer that nobody looked at", async () => {
  await open();
  expect(document.title).toBe("Trunkline");
  server.publish("thread_message_created", aMessage(9, aThread(4, 1), "The sea is wide.", { role: "assistant" }));
  await waitFor(() => expect(document.title).toBe("(1) Trunkline"));
});

test("a browser that keeps no waiting messages says so", async () => {
  await open();
  const told = await screen.findByText(/messages that wait to be sent are lost if this page closes/);
  expect(told).toBeTruthy();
});
