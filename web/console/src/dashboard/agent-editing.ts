import {
  type AgentContent,
  type AgentField,
  type AgentValues,
  checkValues,
  contentOf,
  FIELDS,
  isSame,
  NEW_AGENT,
  valuesOf,
  valuesOfField,
} from "./agent-values";
import type { AgentDraftKept } from "./kept-draft";

/** A form in use. */
export interface Editing extends AgentDraftKept {
  /** Whether it began with what was typed earlier. */
  readonly isRestored: boolean;
}

/** A form of an agent, or of a new one, with what was typed into it earlier. */
export function beginEditing(agent: AgentContent | undefined, kept: AgentDraftKept | null): Editing {
  const base = pickContent(agent ?? NEW_AGENT);
  return kept ? { ...kept, isRestored: true } : { values: valuesOf(base), base, isRestored: false };
}

/** What a person writes of an agent, without the rest of it. */
export function pickContent(content: AgentContent): AgentContent {
  const { name, model, system_instructions, task_instructions, config } = content;
  return { name, model, system_instructions, task_instructions, config };
}

/** What stands in a form. While its JSON is none, the config is one that no agent has. */
export function readContent(values: AgentValues): AgentContent {
  if (!checkValues(values).more) {
    return contentOf(values);
  }
  const content = contentOf({ ...values, more: "" });
  return { ...content, config: { ...content.config, "": values.more } };
}

export function isDirty({ values, base }: Editing): boolean {
  const mine = readContent(values);
  return FIELDS.some((field) => !isSame(base[field], mine[field]));
}

/** What is edited after the agent was changed elsewhere: what was not touched here follows it. */
export function followLatest(editing: Editing, latest: AgentContent): Editing {
  let { values, base } = editing;
  const mine = readContent(values);
  for (const field of FIELDS) {
    const isTouched = !isSame(base[field], mine[field]);
    if (!isSame(base[field], latest[field]) && (!isTouched || isSame(mine[field], latest[field]))) {
      values = isTouched ? values : { ...values, ...valuesOfField(field, latest) };
      base = { ...base, [field]: latest[field] };
    }
  }
  return base === editing.base ? editing : { ...editing, values, base };
}

export type Side = "mine" | "theirs";

/** What is edited after somebody chose between the two changes of a field. */
export function decideField(editing: Editing, field: AgentField, side: Side, theirs: AgentContent): Editing {
  const { values, base } = editing;
  return {
    ...editing,
    values: side === "theirs" ? { ...values, ...valuesOfField(field, theirs) } : values,
    base: { ...base, [field]: theirs[field] },
  };
}
