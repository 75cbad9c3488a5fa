import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { type ComponentProps, useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Composer } from "../../src/chat/composer";

const send = vi.fn<(text: string) => void>();

beforeEach(() => send.mockClear());
afterEach(cleanup);

function Field({ written, ...more }: { written: string } & Partial<ComponentProps<typeof Composer>>) {
  const [text, setText] = useState(written);
  return <Composer text={text} change={setText} send={send} placeholder="Write" {...more} />;
}

function show(written = "", more: Partial<ComponentProps<typeof Composer>> = {}): HTMLTextAreaElement {
  render(
    <MantineProvider env="test">
      <Field written={written} {...more} />
    </MantineProvider>,
  );
  return screen.getByRole("textbox", { name: "Message" });
}

test("Enter sends, Shift and Enter make a new line", () => {
  const field = show("Hello");
  expect(fireEvent.keyDown(field, { key: "Enter", shiftKey: true })).toBe(true);
  expect(send).not.toHaveBeenCalled();
  expect(fireEvent.keyDown(field, { key: "Enter" })).toBe(false);
  expect(send).toHaveBeenCalledExactlyOnceWith("Hello");
});

test("Enter that ends the composing of a character sends nothing", () => {
  const field = show("にほん");
  fireEvent.keyDown(field, { key: "Enter", isComposing: true });
  fireEvent.keyDown(field, { key: "Enter", keyCode: 229 });
  expect(send).not.toHaveBeenCalled();
});

test("nothing but space is not sent, and neither is what is on its way already", () => {
  fireEvent.keyDown(show("  \n"), { key: "Enter" });
  cleanup();
  fireEvent.keyDown(show("Hello", { isSending: true }), { key: "Enter" });
  expect(send).not.toHaveBeenCalled();
});

test("what is too large stays in the field, with a sentence that goes when it changes", () => {
  const text = "x".repeat(1024 * 1024 + 1);
  const field = show(text);
  fireEvent.keyDown(field, { key: "Enter" });
  expect(send).not.toHaveBeenCalled();
  expect(screen.getByRole("alert").textContent).toContain("A message may have 1 MB");
  expect(field.value).toBe(text);
  fireEvent.change(field, { target: { value: "short" } });
  expect(screen.queryByRole("alert")).toBeNull();
});

test("the arrow edits the last message in an empty field alone", () => {
  const editLast = vi.fn();
  const field = show("", { editLast });
  fireEvent.keyDown(field, { key: "ArrowUp" });
  expect(editLast).toHaveBeenCalledOnce();
  fireEvent.change(field, { target: { value: "a" } });
  fireEvent.keyDown(field, { key: "ArrowUp" });
  expect(editLast).toHaveBeenCalledOnce();
});

test("an answer in progress can be stopped; what is written meanwhile can be sent", () => {
  const stop = vi.fn();
  const field = show("", { stop });
  fireEvent.click(screen.getByRole("button", { name: "Stop the answer" }));
  expect(stop).toHaveBeenCalledOnce();
  expect(screen.queryByRole("button", { name: "Send" })).toBeNull();
  fireEvent.change(field, { target: { value: "Next" } });
  fireEvent.click(screen.getByRole("button", { name: "Send" }));
  expect(send).toHaveBeenCalledExactlyOnceWith("Next");
});
