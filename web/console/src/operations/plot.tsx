import "uplot/dist/uPlot.min.css";
import { useInViewport, useMergedRef } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { PlotColors } from "./plot-colors";
import { PLOT_HEIGHT, plotOptions } from "./plot-options";
import type { Unit } from "./quantities";
import type { Columns } from "./readings";

interface PlotProps {
  /** What somebody reads who does not see it. */
  readonly summary: string;
  readonly unit: Unit;
  readonly names: readonly string[];
  readonly columns: Columns;
  /** The span that is shown, in seconds. */
  readonly from: number;
  readonly to: number;
  readonly colors: PlotColors;
  /** Must be stable. */
  readonly pointed: (time: number | null) => void;
}

/** Lines over time, as wide as their place; the pointer is shared with the other plots of the page. */
export function Plot({ summary, unit, names, columns, from, to, colors, pointed }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const painted = useRef(colors);
  const { ref: seen, inViewport } = useInViewport<HTMLDivElement>();
  const places = useMergedRef(place, seen);

  useEffect(() => {
    const element = place.current;
    if (!element) {
      return;
    }
    const width = element.clientWidth;
    const options = plotOptions({ unit, names, width, colors: () => painted.current, pointed });
    const made = new uPlot(options, [[], ...names.map(() => [])], element);
    plot.current = made;
    const resizing = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.width !== made.width) {
        made.setSize({ width: entry.contentRect.width, height: PLOT_HEIGHT });
      }
    });
    resizing.observe(element);
    return () => {
      resizing.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [unit, names, pointed]);

  // What nobody sees is not drawn.
  useEffect(() => {
    const made = inViewport ? plot.current : null;
    made?.batch(() => {
      made.setData([columns.times, ...columns.values], false);
      made.setScale("x", { min: from, max: to });
    });
  }, [columns, from, to, inViewport]);

  useEffect(() => {
    painted.current = colors;
    plot.current?.redraw(false, true);
  }, [colors]);

  return <div ref={places} role="img" aria-label={summary} style={{ height: PLOT_HEIGHT }} />;
}
