import { useComputedColorScheme } from "@mantine/core";

/** Colours of what is drawn, which the canvas cannot take from the style sheets. */
export interface PlotColors {
  /** Of the first, second and third series; each 3:1 and more against its ground. */
  readonly series: readonly string[];
  readonly text: string;
  readonly grid: string;
}

const LIGHT: PlotColors = { series: ["#3b5bdb", "#c2410c", "#0f766e"], text: "#495057", grid: "#e9ecef" };
const DARK: PlotColors = { series: ["#91a7ff", "#ffa94d", "#63e6be"], text: "#b8b8b8", grid: "#3b3b3b" };

/** The second and third series are dashed too, for who does not see the colours. */
export const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3]];

export function usePlotColors(): PlotColors {
  return useComputedColorScheme("light") === "dark" ? DARK : LIGHT;
}
