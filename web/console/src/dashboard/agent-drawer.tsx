import { Alert, Anchor, Button, Drawer, Input, JsonInput, NumberInput, Text, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { FormEvent } from "react";
import type { Agent } from "../generated/agents";
import classes from "./agent-form.module.css";
import { OPTION_NAMES, OPTIONS } from "./agent-values";
import { ConflictNotice, FIELD_NAMES } from "./conflict-notice";
import { ModelSelect } from "./model-select";
import { type AgentForm, useAgentForm } from "./use-agent-form";

interface AgentDrawerProps {
  /** The agent to change, "new" for another one, or null for none. */
  readonly editing: Agent | "new" | null;
  readonly close: () => void;
}

/** The form of an agent, beside the list. What is typed outlives its closing. */
export function AgentDrawer({ editing, close }: AgentDrawerProps) {
  return (
    <Drawer
      opened={editing !== null}
      onClose={close}
      position="right"
      size="lg"
      title={editing === "new" ? "New agent" : "Edit agent"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {editing !== null && (
        <AgentFields
          key={editing === "new" ? "new" : editing.id}
          agent={editing === "new" ? undefined : editing}
          close={close}
        />
      )}
    </Drawer>
  );
}

function AgentFields({ agent, close }: { readonly agent: Agent | undefined; readonly close: () => void }) {
  const form = useAgentForm(agent);
  const { values, errors, set } = form;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const saved = await form.save();
    if (saved) {
      notifications.show({ message: `“${saved.name}” is ${agent && !form.isGone ? "saved" : "created"}.` });
      close();
    }
  };
  return (
    <form className={classes["form"]} onSubmit={submit} noValidate aria-label="Agent">
      <Notices form={form} />
      <TextInput
        label={FIELD_NAMES.name}
        required
        data-autofocus
        autoComplete="off"
        value={values.name}
        error={errors.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <ModelSelect value={values.model} error={errors.model} change={(model) => set({ model })} />
      <Textarea
        label={FIELD_NAMES.system_instructions}
        description="Who it is and how it answers; goes before every conversation."
        autosize
        minRows={3}
        maxRows={12}
        value={values.system_instructions}
        error={errors.system_instructions}
        onChange={(event) => set({ system_instructions: event.currentTarget.value })}
      />
      <Textarea
        label={FIELD_NAMES.task_instructions}
        description="What “Run” asks it. Without, “Run” asks you."
        autosize
        minRows={2}
        maxRows={12}
        value={values.task_instructions}
        error={errors.task_instructions}
        onChange={(event) => set({ task_instructions: event.currentTarget.value })}
      />
      <OptionFields form={form} />
      <div className={classes["buttons"]}>
        <Button variant="subtle" color="gray" onClick={form.isDirty ? form.discard : close}>
          {form.isDirty ? "Discard changes" : "Cancel"}
        </Button>
        <Button type="submit" loading={form.isSaving} disabled={form.conflicts.length > 0}>
          {agent && !form.isGone ? "Save" : "Create"}
        </Button>
      </div>
    </form>
  );
}

function Notices({ form }: { readonly form: AgentForm }) {
  return (
    <>
      {form.isGone && (
        <Alert color="orange" role="alert" title="Somebody deleted this agent">
          What stands here is kept. You can create it anew.
        </Alert>
      )}
      {form.isRestored && form.isDirty && (
        <Text size="sm" c="dimmed" role="status">
          This is what you typed earlier and did not save.{" "}
          <Anchor component="button" type="button" size="sm" onClick={form.discard}>
            Start afresh
          </Anchor>
        </Text>
      )}
      {form.failure && (
        <Alert color="red" role="alert" title="Not saved">
          {form.failure}
        </Alert>
      )}
      <ConflictNotice form={form} />
    </>
  );
}

const OPTION_LABELS = { temperature: "Temperature", top_p: "Top p", max_tokens: "Most tokens", seed: "Seed" } as const;

function OptionFields({ form: { values, errors, set } }: { readonly form: AgentForm }) {
  return (
    <Input.Wrapper
      label={FIELD_NAMES.config}
      labelElement="div"
      description="What is empty is left to the model's provider."
    >
      <div className={classes["options"]}>
        {OPTION_NAMES.map((option) => (
          <NumberInput
            key={option}
            label={OPTION_LABELS[option]}
            description={rangeOf(option)}
            step={OPTIONS[option].isWhole ? 1 : 0.1}
            allowDecimal={!OPTIONS[option].isWhole}
            value={values[option]}
            error={errors[option]}
            onChange={(value) => set({ [option]: value })}
          />
        ))}
      </div>
      <JsonInput
        mt="sm"
        label="Everything else, as JSON"
        description="For your own use, or for what no field is for."
        placeholder="{}"
        autosize
        minRows={2}
        maxRows={12}
        formatOnBlur
        className={classes["code"] ?? ""}
        value={values.more}
        error={errors.more}
        onChange={(more) => set({ more })}
      />
    </Input.Wrapper>
  );
}

function rangeOf(option: keyof typeof OPTIONS): string {
  const { low, high } = OPTIONS[option];
  return `${low} to ${high.toLocaleString()}`;
}
