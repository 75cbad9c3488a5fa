import { expect, test } from "vitest";
import { failureOf, sentenceOf, unreachable } from "../../src/api/failure";

test.each([401, 403, 404, 409, 413, 429, 500, 503])("status %i has a sentence of its own", (status) => {
  const failure = failureOf(status, undefined);
  expect(failure.message).toMatch(/^[A-Z].*\.$/);
  expect(failure.message).not.toContain(String(status));
});

test("the server's own sentence wins, but for a missing session", () => {
  expect(failureOf(404, { detail: "Agent 7 not found" }).message).toBe("Agent 7 not found");
  expect(failureOf(401, { detail: "Give the access token as …" }).message).toContain("Log in again");
  expect(failureOf(401, undefined).isLoggedOut).toBe(true);
});

test("a status that nobody thought of is named", () => {
  expect(failureOf(418, undefined).message).toContain("418");
});

test("no answer is told as such, and anything thrown has a sentence", () => {
  expect(unreachable().status).toBe(0);
  expect(sentenceOf(unreachable())).toContain("cannot be reached");
  expect(sentenceOf("odd")).toBe("odd");
});

test("what the server refused is told at its field", () => {
  const errors = [
    { place: "body.name", error: "name must not be blank" },
    { place: "body.config.temperature", error: "odd" },
    { place: "query.limit", error: "elsewhere" },
  ];
  expect(failureOf(422, { detail: "Not valid.", errors }).fields).toEqual({
    name: "name must not be blank",
    config: "odd",
  });
});
