import type { Learned } from "../keep-alive.js";
import type { Line } from "../line.js";
import type { LineStats } from "../line-stats.js";
import type { Position } from "../position.js";

/** What a hub needs of the line that it shares: `WsClient` is one. */
export interface SharedLine extends Line {
  readonly stats: Readonly<LineStats>;
  readonly learned: Learned;
  positions(): Map<string, Position>;
  start(): void;
  close(): void;
  authenticate(token: string): void;
}
