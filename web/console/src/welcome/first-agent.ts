import type { AgentDraft, ModelInfo } from "../api/rest";

const LOCAL = "local/smollm2";
const ECHO = "echo";

/** The model of a first agent, and what to say of it. */
export interface FirstModel {
  readonly id: string;
  readonly sentence: string;
}

/** The best model that answers without anything to set up: the small local one, the configured one, or echo. */
export function chooseFirstModel(models: readonly ModelInfo[]): FirstModel {
  const local = models.find(({ id, available }) => id === LOCAL && available);
  if (local) {
    return {
      id: LOCAL,
      sentence: "It answers with SmolLM2, a small model that runs on this machine and needs no key.",
    };
  }
  const configured = models.find((model) => model.default && model.available);
  if (configured && configured.id !== ECHO) {
    return { id: configured.id, sentence: `It answers with ${configured.id}, the model that is configured here.` };
  }
  return {
    id: ECHO,
    sentence: "It answers with echo, a stand-in that repeats what you write: no model is set up here yet.",
  };
}

export function firstAgent(model: FirstModel): AgentDraft {
  return {
    name: "Assistant",
    model: model.id,
    system_instructions: "You are a helpful assistant. Answer in a few plain sentences.",
    task_instructions: "",
    config: {},
  };
}

export const QUESTIONS = [
  "What can you help me with?",
  "Explain what a WebSocket is, in three sentences.",
  "Write a haiku about a telephone exchange.",
] as const;
