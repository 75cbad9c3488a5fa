import type { ReactNode } from "react";
import classes from "./tables.module.css";

interface ScrollRegionProps {
  readonly size: "plot" | "list";
  readonly name?: string;
  readonly labelledBy?: string;
  readonly children: ReactNode;
}

/** A part of the page that scrolls by itself, also with the keyboard. */
export function ScrollRegion({ size, name, labelledBy, children }: ScrollRegionProps) {
  return (
    <section
      className={classes["scroll"]}
      data-size={size}
      aria-label={name}
      aria-labelledby={labelledBy}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without a focus nobody could scroll it with the keyboard.
      tabIndex={0}
    >
      {children}
    </section>
  );
}
