import { useEffect, useMemo, useState } from "react";
import { sentenceOf } from "../api/failure";
import { useConsole } from "../console-context";
import type { Agent } from "../generated/agents";
import { useApp } from "../state/app-state";
import {
  beginEditing,
  decideField,
  type Editing,
  followLatest,
  isDirty,
  pickContent,
  readContent,
  type Side,
} from "./agent-editing";
import { type Changing, refusedFields, saveAgent } from "./agent-saving";
import {
  type AgentContent,
  type AgentField,
  type AgentValues,
  checkValues,
  conflictsOf,
  type FieldErrors,
} from "./agent-values";
import { KeptDraft } from "./kept-draft";

/** The form of an agent: what stands in it, what is wrong with it, and what becomes of it. */
export interface AgentForm {
  readonly values: AgentValues;
  readonly errors: FieldErrors;
  /** Why it could not be saved. */
  readonly failure: string | undefined;
  readonly isSaving: boolean;
  /** Whether anything differs from the agent. */
  readonly isDirty: boolean;
  /** Whether it begins with what was typed earlier. */
  readonly isRestored: boolean;
  /** The agent as somebody else left it, and the fields that were changed there and here. */
  readonly theirs: AgentContent;
  readonly conflicts: readonly AgentField[];
  /** Whether somebody deleted the agent meanwhile. */
  readonly isGone: boolean;
  set(change: Partial<AgentValues>): void;
  decide(field: AgentField, side: Side): void;
  /** Save it; the agent as it is then, or undefined if it could not be. */
  save(): Promise<Agent | undefined>;
  /** Forget what was typed. */
  discard(): void;
}

/** The agent as far as this page knows: it may know it by an answer before the event comes. */
function useLatest(agent: Agent | undefined) {
  const live = useApp((state) => (agent ? state.agents.data.get(agent.id) : undefined));
  const isWhole = useApp((state) => state.agents.status === "live" && !state.truncated.agents);
  const [answered, setAnswered] = useState<Agent>();
  const known = [agent, live, answered].filter((one) => one !== undefined);
  const latest = known.toSorted((a, b) => b.version - a.version)[0];
  const isGone = agent !== undefined && isWhole && live === undefined;
  return { latest, isGone, setAnswered };
}

/** What is edited, which is kept for another time until it is saved or discarded. */
function useEditing(agent: Agent | undefined, latest: Agent | undefined) {
  const { storage } = useConsole();
  const agentId = agent?.id;
  const draft = useMemo(() => new KeptDraft(storage, agentId), [storage, agentId]);
  const [held, setHeld] = useState(() => beginEditing(agent, draft.read()));
  useEffect(() => {
    globalThis.addEventListener("pagehide", draft.flush);
    return () => {
      globalThis.removeEventListener("pagehide", draft.flush);
      draft.flush();
    };
  }, [draft]);
  const change = (next: Editing) => {
    setHeld(next);
    draft.keep(isDirty(next) ? { values: next.values, base: next.base } : null);
  };
  const editing = latest ? followLatest(held, latest) : held;
  return { editing, change, forget: () => draft.keep(null) };
}

interface SavingOptions {
  readonly changing: Changing | undefined;
  readonly mine: AgentContent;
  /** The form is done with. */
  readonly saved: () => void;
  /** Somebody else changed the same. */
  readonly learn: (theirs: Agent) => void;
}

/** Sending what stands in the form, and what the server says of it. */
function useSaving({ changing, mine, saved, learn }: SavingOptions) {
  const [refused, setRefused] = useState<FieldErrors>({});
  const [failure, setFailure] = useState<string>();
  const [isSaving, setSaving] = useState(false);
  const send = async (): Promise<Agent | undefined> => {
    setSaving(true);
    setFailure(undefined);
    try {
      const outcome = await saveAgent(changing, mine);
      if ("saved" in outcome) {
        saved();
        return outcome.saved;
      }
      learn(outcome.theirs);
    } catch (error) {
      const fields = refusedFields(error);
      setRefused(fields);
      setFailure(Object.keys(fields).length ? undefined : sentenceOf(error));
    } finally {
      setSaving(false);
    }
    return undefined;
  };
  /** What was refused is written anew. */
  const retract = (names: readonly string[]) =>
    setRefused((errors) => Object.fromEntries(Object.entries(errors).filter(([name]) => !names.includes(name))));
  const reset = () => {
    setRefused({});
    setFailure(undefined);
  };
  return { refused, failure, isSaving, send, retract, reset };
}

/** The form of an agent, or of a new one. */
export function useAgentForm(agent: Agent | undefined): AgentForm {
  const { latest, isGone, setAnswered } = useLatest(agent);
  const { editing, change, forget } = useEditing(agent, latest);
  const [isChecked, setChecked] = useState(false);
  const { values, base } = editing;
  const mine = readContent(values);
  const theirs = latest ?? base;
  const changing = latest && !isGone ? { base, latest } : undefined;
  const conflicts = changing ? conflictsOf(base, mine, theirs) : [];
  const saving = useSaving({ changing, mine, saved: forget, learn: setAnswered });
  const { refused, failure, isSaving } = saving;
  return {
    ...{ values, failure, isSaving, theirs, conflicts, isGone },
    errors: { ...(isChecked ? checkValues(values) : {}), ...refused },
    isDirty: isDirty(editing),
    isRestored: editing.isRestored,
    set: (changed) => {
      saving.retract(Object.keys(changed));
      change({ ...editing, values: { ...values, ...changed } });
    },
    decide: (field, side) => change(decideField(editing, field, side, theirs)),
    save: async () => {
      setChecked(true);
      return conflicts.length || Object.keys(checkValues(values)).length ? undefined : saving.send();
    },
    discard: () => {
      saving.reset();
      setChecked(false);
      change(beginEditing(latest && pickContent(latest), null));
    },
  };
}
