import type uPlot from "uplot";
import { DASHES, type PlotColors } from "./plot-colors";
import { shortClockOf, textOf, type Unit } from "./quantities";

export const PLOT_HEIGHT = 150;

const FONT = "11px system-ui, sans-serif";
const AXIS_WIDTH = 62;
const STEPS = [1, 2, 2.5, 5, 10];
/** Seconds between two marks of time. */
const TIME_STEPS = [30, 60, 120, 300];

export interface PlotSetup {
  readonly unit: Unit;
  readonly names: readonly string[];
  readonly width: number;
  /** The colours of the moment at which something is drawn. */
  readonly colors: () => PlotColors;
  /** Told the time under the pointer, in seconds; null once it is gone. Plots with the same pointer all tell it. */
  readonly pointed: (time: number | null) => void;
}

export function plotOptions({ unit, names, width, colors, pointed }: PlotSetup): uPlot.Options {
  const axis = { font: FONT, stroke: () => colors().text };
  const grid = { stroke: () => colors().grid, width: 1 };
  return {
    width,
    height: PLOT_HEIGHT,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "operations", setSeries: false } },
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, ceiling(most, unit)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { ...grid, size: 4 },
        size: 26,
        incrs: TIME_STEPS,
        space: 64,
        values: (_, times) => times.map((time) => shortClockOf(time * 1000)),
      },
      {
        ...axis,
        grid,
        ticks: { show: false },
        size: AXIS_WIDTH,
        space: 36,
        values: (_, values) => values.map((value) => textOf(value, unit)),
      },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: () => colors().series[index] ?? colors().text,
        width: 1.5,
        dash: [...(DASHES[index] ?? [])],
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: { setCursor: [({ cursor, data }) => pointed(timeUnder(cursor, data))] },
  };
}

function timeUnder({ idx, left }: uPlot.Cursor, [times]: uPlot.AlignedData): number | null {
  return idx == null || left === undefined || left < 0 ? null : (times[idx] ?? null);
}

/** A round number above the highest value. */
function ceiling(most: number | null, unit: Unit): number {
  const least = unit === "bytes" ? 1_000 : unit === "count" ? 4 : 1;
  const value = Math.max(most ?? 0, least);
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = STEPS.find((candidate) => candidate * magnitude >= value) ?? 10;
  return step * magnitude;
}
