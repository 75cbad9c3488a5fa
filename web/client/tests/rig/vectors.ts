import { readdirSync, readFileSync } from "node:fs";

/** One thing that happens, or is done, in a vector; its first key is its kind. */
export type Step = Readonly<Record<string, unknown>>;

/** A golden conversation of `spec/vectors`, as its README describes them. */
export interface Vector {
  readonly name: string;
  readonly about: string;
  readonly sides: readonly string[];
  readonly client: { readonly token?: string; readonly chance?: number };
  readonly steps: readonly Step[];
}

const FOLDER = new URL("../../../../spec/vectors/", import.meta.url);

/** Every vector that a client runs, by name. */
export function loadVectors(): Vector[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  return names
    .sort()
    .map(load)
    .filter(({ sides }) => sides.includes("client"));
}

function load(file: string): Vector {
  const content = JSON.parse(readFileSync(new URL(file, FOLDER), "utf-8"));
  return { sides: ["client", "server"], client: {}, ...content, name: file.replace(".json", "") };
}
