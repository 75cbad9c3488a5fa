import { type CSSVariablesResolver, createTheme } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "indigo",
  colors: {
    // Slate, from text to the deepest ground.
    dark: [
      "#d5dae2",
      "#aab3c0",
      "#8b95a5",
      "#5c6675",
      "#39424f",
      "#2b333e",
      "#1f262f",
      "#161b22",
      "#11151b",
      "#0c0f13",
    ],
  },
  primaryShade: { light: 7, dark: 5 },
  autoContrast: true,
  defaultRadius: "md",
  respectReducedMotion: true,
  fontFamily: "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  headings: { fontWeight: "650" },
  cursorType: "pointer",
});

/** Mantine's dimmed text is too faint on its own background for WCAG AA; this is dark enough in both schemes. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-placeholder": "var(--mantine-color-gray-7)",
    "--mantine-color-body": "#fbfbfd",
    "--surface": "#ffffff",
    "--line": "var(--mantine-color-gray-3)",
  },
  dark: {
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-placeholder": "var(--mantine-color-dark-1)",
    "--surface": "var(--mantine-color-dark-6)",
    "--line": "var(--mantine-color-dark-4)",
  },
});
