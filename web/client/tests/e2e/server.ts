import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the price ticker of the examples runs. */
    readonly serverUrl: string;
  }
}

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const APP = "web.client.examples.page.app:app";

/** Run the real server, in a process of its own, as long as the tests. */
export default async function serve(project: TestProject): Promise<() => Promise<void>> {
  const server = spawn(".venv/bin/python", ["-m", "uvicorn", "--port", "0", "--no-access-log", APP], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "pipe"],
  });
  project.provide("serverUrl", await findUrl(server));
  return async () => {
    server.kill("SIGTERM");
    await once(server, "exit");
  };
}

async function findUrl(server: ChildProcess): Promise<string> {
  const said: string[] = [];
  if (server.stderr) {
    for await (const line of createInterface({ input: server.stderr })) {
      said.push(line);
      const [url] = /http:\/\/[\d.]+:\d+/.exec(line) ?? [];
      if (url) {
        server.stderr.resume();
        return url;
      }
    }
  }
  throw new Error(`The server did not start:\n${said.join("\n")}`);
}
