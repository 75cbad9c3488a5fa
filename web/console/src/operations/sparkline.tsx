const WIDTH = 120;
const HEIGHT = 24;

/** A trend without axes, from nothing to the highest value; decoration beside a number. */
export function Sparkline({ values }: { readonly values: readonly (number | null)[] }) {
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" width="100%" height={HEIGHT} aria-hidden>
      <path
        d={pathOf(values)}
        fill="none"
        stroke="var(--mantine-primary-color-filled)"
        strokeWidth="1.25"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

/** The newest value at the right edge, a second to a step; nothing is drawn where nothing was measured. */
export function pathOf(values: readonly (number | null)[]): string {
  const most = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE);
  const left = WIDTH - values.length + 1;
  let isDrawing = false;
  return values
    .map((value, index) => {
      if (value === null) {
        isDrawing = false;
        return "";
      }
      const step = `${isDrawing ? "L" : "M"}${left + index - 1} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`;
      isDrawing = true;
      return step;
    })
    .join("");
}
