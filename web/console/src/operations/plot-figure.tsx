import { ActionIcon, Text, Title, Tooltip } from "@mantine/core";
import { ChartLine, Table2 } from "lucide-react";
import { memo, useId, useMemo, useState } from "react";
import type { PlotSpec } from "./metrics";
import { Plot } from "./plot";
import { DASHES, type PlotColors, usePlotColors } from "./plot-colors";
import classes from "./plot-figure.module.css";
import { textOf, type Unit } from "./quantities";
import { type Columns, rangeOf } from "./readings";
import { StepTable } from "./step-table";

interface PlotFigureProps {
  readonly spec: PlotSpec;
  readonly columns: Columns;
  readonly from: number;
  readonly to: number;
  /** The time under the pointer, in seconds, or null for the newest. */
  readonly pointedAt: number | null;
  /** Must be stable. */
  readonly pointed: (time: number | null) => void;
}

/** A plot with its name, the values of the moment, and its numbers as a table for whoever asks for them. */
export const PlotFigure = memo(function PlotFigure({ spec, columns, from, to, pointedAt, pointed }: PlotFigureProps) {
  const { name, about, unit, series } = spec;
  const id = useId();
  const colors = usePlotColors();
  const [isTable, setIsTable] = useState(false);
  const names = useMemo(() => series.map((one) => one.name), [series]);
  const index = pointedAt === null ? columns.times.length - 1 : columns.times.indexOf(pointedAt);
  const action = isTable ? `${name} as a plot` : `${name} as a table`;
  return (
    <figure className={classes["figure"]} aria-labelledby={id}>
      <figcaption className={classes["caption"]}>
        <Title order={3} size="sm" id={id}>
          {name}
        </Title>
        <Tooltip label={action}>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={action} onClick={() => setIsTable(!isTable)}>
            {isTable ? <ChartLine size={15} /> : <Table2 size={15} />}
          </ActionIcon>
        </Tooltip>
      </figcaption>
      <Legend names={names} values={columns.values.map((column) => column[index])} unit={unit} colors={colors} />
      {isTable ? (
        <StepTable name={name} unit={unit} names={names} columns={columns} />
      ) : (
        <Plot
          summary={summaryOf(spec, columns, to - from)}
          unit={unit}
          names={names}
          columns={columns}
          from={from}
          to={to}
          colors={colors}
          pointed={pointed}
        />
      )}
      <Text size="xs" c="dimmed">
        {about}
      </Text>
    </figure>
  );
});

interface LegendProps {
  readonly names: readonly string[];
  readonly values: readonly (number | null | undefined)[];
  readonly unit: Unit;
  readonly colors: PlotColors;
}

function Legend({ names, values, unit, colors }: LegendProps) {
  return (
    <ul className={classes["legend"]}>
      {names.map((name, index) => (
        <li key={name}>
          <svg width="14" height="8" aria-hidden>
            <line
              x1="0"
              x2="14"
              y1="4"
              y2="4"
              strokeWidth="2"
              stroke={colors.series[index]}
              strokeDasharray={DASHES[index]?.join(" ")}
            />
          </svg>
          {name} <span className={classes["value"]}>{textOf(values[index], unit)}</span>
        </li>
      ))}
    </ul>
  );
}

/** What a plot shows, in a few sentences. */
export function summaryOf({ name, unit, series }: PlotSpec, { values }: Columns, seconds: number): string {
  const said = series.map((one, index) => {
    const { now, least, most } = rangeOf(values[index] ?? []);
    return least === null
      ? `${one.name}: nothing was measured`
      : `${one.name}: now ${textOf(now, unit)}, lowest ${textOf(least, unit)}, highest ${textOf(most, unit)}`;
  });
  return `${name} over the last ${Math.round(seconds / 60)} minutes. ${said.join("; ")}.`;
}
