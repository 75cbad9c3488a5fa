import type { AgentChanges, AgentDraft } from "../api/rest";
import type { Agent } from "../generated/agents";

/** The model's options that have fields of their own, with the range of each. */
export const OPTIONS = {
  temperature: { low: 0, high: 2, isWhole: false },
  top_p: { low: 0, high: 1, isWhole: false },
  max_tokens: { low: 1, high: 1_000_000, isWhole: true },
  seed: { low: 0, high: 2 ** 31 - 1, isWhole: true },
} as const;

export type Option = keyof typeof OPTIONS;
export const OPTION_NAMES = Object.keys(OPTIONS) as readonly Option[];

/** What stands in the form. An option is "" if the model's provider chooses; `more` is the rest of the config as JSON. */
export interface AgentValues extends Readonly<Record<Option, number | string>> {
  readonly name: string;
  readonly model: string;
  readonly system_instructions: string;
  readonly task_instructions: string;
  readonly more: string;
}

export type AgentField = keyof AgentDraft;
export const FIELDS = ["name", "model", "system_instructions", "task_instructions", "config"] as const;

/** What a person writes of an agent. */
export type AgentContent = Pick<Agent, AgentField>;

export const NEW_AGENT: AgentContent = {
  name: "",
  model: "",
  system_instructions: "",
  task_instructions: "",
  config: {},
};

const LONGEST_LINE = 200;
const MOST_INSTRUCTIONS = 64 * 1024;

/** What the form shows of an agent. An option that is no number stands with the rest, where it can be seen. */
export function valuesOf({ config, ...agent }: AgentContent): AgentValues {
  const isOption = (name: string) => Object.hasOwn(OPTIONS, name) && typeof config[name] === "number";
  const options = OPTION_NAMES.map((name) => [name, isOption(name) ? (config[name] as number) : ""]);
  const rest = Object.entries(config).filter(([name]) => !isOption(name));
  const { name, model, system_instructions, task_instructions } = agent;
  return {
    ...{ name, model, system_instructions, task_instructions },
    ...(Object.fromEntries(options) as Record<Option, number | string>),
    more: rest.length ? JSON.stringify(Object.fromEntries(rest), null, 2) : "",
  };
}

/** What is sent of the form; it must be valid. The field of an option wins over the JSON. */
export function contentOf(values: AgentValues): AgentDraft {
  const { name, model, system_instructions, task_instructions, more } = values;
  const options = OPTION_NAMES.filter((option) => values[option] !== "").map((option) => [
    option,
    Number(values[option]),
  ]);
  const config = { ...(more.trim() ? (JSON.parse(more) as object) : {}), ...Object.fromEntries(options) };
  return { name, model, system_instructions, task_instructions, config };
}

export type FieldErrors = Readonly<Partial<Record<keyof AgentValues, string>>>;

/** What is wrong in the form, in the server's own words, so that it need not be asked. */
export function checkValues(values: AgentValues): FieldErrors {
  const errors: Record<string, string | undefined> = {
    name: checkName(values.name),
    system_instructions: checkInstructions("system_instructions", values.system_instructions),
    task_instructions: checkInstructions("task_instructions", values.task_instructions),
    more: checkMore(values),
  };
  for (const option of OPTION_NAMES) {
    errors[option] = checkOption(option, values[option]);
  }
  return Object.fromEntries(Object.entries(errors).filter(([, sentence]) => sentence !== undefined));
}

function checkName(name: string): string | undefined {
  const { length } = [...name];
  if (!name.trim()) {
    return "name must not be blank";
  }
  return length > LONGEST_LINE ? `name has at most ${LONGEST_LINE} characters; this one has ${length}` : undefined;
}

function checkInstructions(field: string, text: string): string | undefined {
  const { size } = new Blob([text]);
  return size > MOST_INSTRUCTIONS
    ? `${field} takes at most ${MOST_INSTRUCTIONS} bytes; this text has ${size}`
    : undefined;
}

function checkOption(option: Option, value: number | string): string | undefined {
  const { low, high, isWhole } = OPTIONS[option];
  const number = Number(value);
  if (value === "" || (number >= low && number <= high && (!isWhole || Number.isInteger(number)))) {
    return undefined;
  }
  return `'${option}' must be a ${isWhole ? "whole number" : "number"} from ${low} to ${high}, not ${value}.`;
}

function checkMore(values: AgentValues): string | undefined {
  if (!values.more.trim()) {
    return undefined;
  }
  let config: unknown;
  try {
    config = JSON.parse(values.more);
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}`;
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    return 'This must be a JSON object, such as {"stop": ["END"]}.';
  }
  const doubled = OPTION_NAMES.find((option) => option in config && values[option] !== "");
  return doubled && `'${doubled}' has a field of its own above, which is filled too; leave it in one of the two.`;
}

/** Whether two JSON values are the same, in whatever order their members stand. */
export function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return a === b;
  }
  const [left, right] = [a, b] as readonly Readonly<Record<string, unknown>>[];
  const names = Object.keys(left ?? {});
  return (
    Array.isArray(a) === Array.isArray(b) &&
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(left?.[name], right?.[name]))
  );
}

/** What differs from `base`, to be sent. */
export function changesOf(base: AgentContent, mine: AgentContent): AgentChanges {
  const changed = FIELDS.filter((field) => !isSame(base[field], mine[field]));
  return Object.fromEntries(changed.map((field) => [field, mine[field]]));
}

/** The fields that were changed here and elsewhere since `base`, to different ends. */
export function conflictsOf(base: AgentContent, mine: AgentContent, theirs: AgentContent): readonly AgentField[] {
  return FIELDS.filter(
    (field) =>
      !isSame(base[field], mine[field]) && !isSame(base[field], theirs[field]) && !isSame(mine[field], theirs[field]),
  );
}

/** The values of a form for one field of an agent, for taking it over. */
export function valuesOfField(field: AgentField, content: AgentContent): Partial<AgentValues> {
  const values = valuesOf(content);
  if (field !== "config") {
    return { [field]: values[field] };
  }
  const { more, temperature, top_p, max_tokens, seed } = values;
  return { more, temperature, top_p, max_tokens, seed };
}
