export type { Locks } from "../web-locks.js";
export { connectTabs, type TabsOptions } from "./connect-tabs.js";
export type { LineFigures } from "./messages.js";
export type { Channel, Port, TabsPlatform, Worker } from "./platform.js";
export type { ShareKind } from "./share.js";
export { type LineView, TabLine, type TabLineOptions } from "./tab-line.js";
export { tabSignals } from "./tab-signals.js";
