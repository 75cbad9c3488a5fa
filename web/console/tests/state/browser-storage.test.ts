import { afterEach, expect, test, vi } from "vitest";
import { BrowserStorage } from "../../src/state/browser-storage";

afterEach(() => localStorage.clear());

class FullStorage {
  readonly kept = new Map<string, string>();

  getItem(key: string): string | null {
    return this.kept.get(key) ?? null;
  }

  setItem(): void {
    throw new DOMException("full", "QuotaExceededError");
  }

  removeItem(key: string): void {
    this.kept.delete(key);
  }
}

const full = () => new FullStorage() as unknown as Storage;

test("what one page wrote the next one reads", () => {
  new BrowserStorage().write("draft", { text: "Hello" });
  expect(new BrowserStorage().read("draft", {})).toEqual({ text: "Hello" });
});

test("what is missing, or was not written by this page, is the given value", () => {
  localStorage.setItem("trunkline.draft", "{not json");
  expect(new BrowserStorage().read("draft", "none")).toBe("none");
  expect(new BrowserStorage().read("other", 7)).toBe(7);
});

test("where storage is forbidden, values live as long as the page, and it says so", () => {
  const storage = new BrowserStorage("t.", () => {
    throw new DOMException("no", "SecurityError");
  });
  expect(storage.failure).toContain("forbids");
  storage.write("draft", "kept");
  expect(storage.read("draft", "")).toBe("kept");
  storage.remove("draft");
  expect(storage.read("draft", "")).toBe("");
});

test("where storage is full, the newest value wins all the same, and it says so", () => {
  const store = new FullStorage();
  store.kept.set("t.draft", '"old"');
  const storage = new BrowserStorage("t.", () => store as unknown as Storage);
  expect(storage.failure).toBeUndefined();
  storage.write("draft", "new");
  expect(storage.failure).toContain("full");
  expect(storage.read("draft", "")).toBe("new");
});

test("a storage that is not full any more keeps again", () => {
  const storage = new BrowserStorage("t.", full);
  storage.write("draft", "one");
  storage.remove("draft");
  expect(storage.read("draft", "")).toBe("");
});

test("another tab's writing is told, for its own name alone", () => {
  const changed = vi.fn();
  const stop = new BrowserStorage().onChange("seen", changed);
  dispatchEvent(new StorageEvent("storage", { key: "trunkline.other" }));
  expect(changed).not.toHaveBeenCalled();
  dispatchEvent(new StorageEvent("storage", { key: "trunkline.seen" }));
  expect(changed).toHaveBeenCalledOnce();
  stop();
  dispatchEvent(new StorageEvent("storage", { key: "trunkline.seen" }));
  expect(changed).toHaveBeenCalledOnce();
});

test("clearing removes what this page wrote, and nothing else", () => {
  localStorage.setItem("somebody else's", "1");
  const storage = new BrowserStorage();
  storage.write("draft", "Hello");
  storage.clear();
  expect(storage.read("draft", "none")).toBe("none");
  expect(Object.keys(localStorage)).toEqual(["somebody else's"]);
});

test("a browser that gives no storage at all says so, and keeps values as long as the page", () => {
  const storage = new BrowserStorage("t.", () => null as unknown as Storage);
  expect(storage.failure).toContain("forbids");
  storage.write("draft", "kept");
  expect(storage.read("draft", "")).toBe("kept");
});

test("a storage that refuses to remove something throws nothing at the page", () => {
  class Stubborn extends FullStorage {
    override removeItem(): void {
      throw new DOMException("no", "SecurityError");
    }
  }
  const storage = new BrowserStorage("t.", () => new Stubborn() as unknown as Storage);
  storage.write("draft", "kept");
  storage.remove("draft");
  expect(storage.read("draft", "")).toBe("");
});
