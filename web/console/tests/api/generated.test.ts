// @vitest-environment node
import { readFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

const at = (path: string) => new URL(path, import.meta.url);

test("the types of REST are those of spec/openapi.json; `make gen` brings them in step", async () => {
  const document = JSON.parse(await readFile(at("../../../../spec/openapi.json"), "utf8"));
  const made = astToString(await openapiTS(document, { defaultNonNullable: false }));
  const held = await readFile(at("../../src/generated/rest.ts"), "utf8");
  expect(held.slice(held.indexOf("export interface paths"))).toBe(made);
});
