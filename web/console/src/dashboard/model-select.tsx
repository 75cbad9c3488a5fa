import { Anchor, Group, Select, type SelectProps, Text } from "@mantine/core";
import { sentenceOf } from "../api/failure";
import type { ModelInfo } from "../api/rest";
import { defaultModelOf, useModels } from "./use-models";

const DEFAULT = "default of the server";

interface ModelSelectProps {
  /** The name of a model, or "" for the server's default. */
  readonly value: string;
  readonly error: string | undefined;
  readonly change: (value: string) => void;
}

/** Chooses a model among those of this installation; says which ones cannot answer, and why. */
export function ModelSelect({ value, error, change }: ModelSelectProps) {
  const { data: models, error: failure, refetch, isFetching } = useModels();
  const byId = new Map(models?.map((model) => [model.id, model]));
  const standard = defaultModelOf(models);
  const names = [...new Set([...byId.keys(), ...(value ? [value] : [])])];
  const chosen = byId.get(value || standard);
  const renderOption: SelectProps["renderOption"] = ({ option }) => (
    <ModelOption label={option.label} model={byId.get(option.value === DEFAULT ? standard : option.value)} />
  );
  return (
    <div>
      <Select
        label="Model"
        data={[
          { value: DEFAULT, label: standard ? `Default: ${standard}` : "Default model" },
          ...names.map((name) => ({ value: name, label: name })),
        ]}
        value={value || DEFAULT}
        onChange={(next) => change(next === null || next === DEFAULT ? "" : next)}
        renderOption={renderOption}
        description={chosen?.description}
        error={error}
        allowDeselect={false}
        searchable
        nothingFoundMessage={isFetching ? "Loading the models…" : "No model has this name."}
        maxDropdownHeight={320}
        comboboxProps={{ withinPortal: false }}
      />
      {chosen?.problem && (
        <Text size="xs" mt={4} c="orange">
          {chosen.problem}
        </Text>
      )}
      {failure && (
        <Text size="xs" mt={4} role="status">
          The models could not be listed: {sentenceOf(failure)}{" "}
          <Anchor component="button" type="button" size="xs" onClick={() => refetch()}>
            Try again
          </Anchor>
        </Text>
      )}
    </div>
  );
}

function ModelOption({ label, model }: { readonly label: string; readonly model: ModelInfo | undefined }) {
  return (
    <div>
      <Group gap={6}>
        <Text size="sm">{label}</Text>
        {model && !model.available && (
          <Text size="xs" c="orange">
            not available
          </Text>
        )}
      </Group>
      {model && (
        <Text size="xs" c="dimmed">
          {model.problem ?? model.description}
        </Text>
      )}
    </div>
  );
}
