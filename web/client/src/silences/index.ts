export { SilenceMemory, type SilenceMemoryOptions, type SilenceStorage } from "./silence-memory.js";
