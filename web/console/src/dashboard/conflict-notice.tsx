import { Alert, Button, Stack, Text } from "@mantine/core";
import type { Side } from "./agent-editing";
import classes from "./agent-form.module.css";
import { type AgentContent, type AgentField, contentOf } from "./agent-values";
import type { AgentForm } from "./use-agent-form";

export const FIELD_NAMES: Readonly<Record<AgentField, string>> = {
  name: "Name",
  model: "Model",
  system_instructions: "System instructions",
  task_instructions: "Task instructions",
  config: "Options",
};

const SIDES: readonly { readonly side: Side; readonly heading: string; readonly choice: string }[] = [
  { side: "mine", heading: "Yours", choice: "Keep yours" },
  { side: "theirs", heading: "Theirs", choice: "Take theirs" },
];

/** What was changed here and elsewhere to different ends: both, and a choice. */
export function ConflictNotice({ form }: { readonly form: AgentForm }) {
  const { conflicts, errors, values, theirs, decide } = form;
  if (!conflicts.length) {
    return null;
  }
  const mine = errors.more ? undefined : contentIn(values);
  return (
    <Alert color="orange" role="alert" title="Somebody changed this agent while you wrote">
      <Stack gap="xs">
        <Text size="sm">Choose what stays, then save. Nothing is overwritten before that.</Text>
        {conflicts.map((field) => (
          <section key={field} aria-label={`Both changed: ${FIELD_NAMES[field]}`}>
            <Text size="sm" fw={600}>
              {FIELD_NAMES[field]}
            </Text>
            <div className={classes["sides"]}>
              {SIDES.map(({ side, heading, choice }) => (
                <div key={side}>
                  <Text size="xs" c="dimmed">
                    {heading}
                  </Text>
                  {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled with the keyboard */}
                  <pre className={classes["side"]} tabIndex={0}>
                    {side === "theirs" ? inWords(field, theirs) : inWords(field, mine, values.more)}
                  </pre>
                  <Button size="compact-sm" variant="default" onClick={() => decide(field, side)}>
                    {choice}
                  </Button>
                </div>
              ))}
            </div>
          </section>
        ))}
      </Stack>
    </Alert>
  );
}

function contentIn(values: AgentForm["values"]): AgentContent | undefined {
  try {
    return contentOf(values);
  } catch {
    return undefined; // Its JSON is not finished; it is shown as it stands.
  }
}

function inWords(field: AgentField, content: AgentContent | undefined, unreadable = ""): string {
  if (!content) {
    return unreadable;
  }
  if (field === "config") {
    return JSON.stringify(content.config, null, 2);
  }
  return content[field] || (field === "model" ? "The default model" : "(empty)");
}
