import { IDBFactory } from "fake-indexeddb";
import { expect, test, vi } from "vitest";
import { IndexedStore } from "../../src/offline/index.js";

test("topics are kept with their positions, the newest alone, and at most so many", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const store = new IndexedStore({ indexedDB: new IDBFactory(), maxTopics: 2 });
  for (const [at, topic] of ["a:1", "a:2", "a:1", "a:3"].entries()) {
    vi.setSystemTime(1000 + at);
    await store.saveTopic({ topic, position: { epoch: "e1", seq: at }, data: { at } });
  }
  vi.useRealTimers();
  expect(await store.loadTopic("a:1")).toMatchObject({ position: { epoch: "e1", seq: 2 }, data: { at: 2 } });
  expect(await store.loadTopic("a:2")).toBeUndefined();
  expect(await store.loadTopic("a:3")).toBeDefined();
  await store.removeTopic("a:3");
  expect(await store.loadTopic("a:3")).toBeUndefined();
});

test("users do not see what another left, and signing out leaves nothing", async () => {
  const indexedDB = new IDBFactory();
  const ann = new IndexedStore({ indexedDB, name: "ann" });
  await ann.add({ key: "k", method: "m", params: {} });
  expect(await new IndexedStore({ indexedDB, name: "bob" }).load()).toEqual([]);
  await ann.clear();
  expect(await ann.load()).toEqual([]);
});

test("a database that is closed is opened again", async () => {
  const store = new IndexedStore({ indexedDB: new IDBFactory() });
  await store.add({ key: "k", method: "m", params: { a: 1 } });
  await store.close();
  expect(await store.load()).toEqual([{ key: "k", method: "m", params: { a: 1 } }]);
});

test("a database that cannot be opened is tried again at the next use", async () => {
  const working = new IDBFactory();
  const open = vi.spyOn(working, "open").mockImplementationOnce(() => {
    throw new Error("private mode");
  });
  const store = new IndexedStore({ indexedDB: working });
  await expect(store.load()).rejects.toThrow("private mode");
  expect(await store.load()).toEqual([]);
  expect(open).toHaveBeenCalledTimes(2);
});
