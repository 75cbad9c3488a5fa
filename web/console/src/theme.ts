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
  primaryShade: 7,
  autoContrast: true,
  defaultRadius: "md",
  respectReducedMotion: true,
  fontFamily: "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  headings: { fontWeight: "650" },
  cursorType: "pointer",
  components: {
    // Their heads are `header` elements, which would each be another banner of the page.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
  },
});

/** Some of Mantine's text is too faint on its own background for WCAG AA; this is dark enough in both schemes. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-placeholder": "var(--mantine-color-gray-7)",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    "--mantine-color-orange-light-color": "#8a2c04",
    "--mantine-color-yellow-light-color": "#7a4100",
    "--mantine-color-red-light-color": "#a51111",
    "--mantine-color-body": "#fbfbfd",
    "--surface": "#ffffff",
    "--line": "var(--mantine-color-gray-3)",
  },
  dark: {
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
    "--mantine-color-orange-light":
      "color-mix(in srgb, var(--mantine-color-orange-8) 16%, var(--mantine-color-dark-7))",
    "--mantine-color-yellow-light":
      "color-mix(in srgb, var(--mantine-color-yellow-8) 14%, var(--mantine-color-dark-7))",
    "--mantine-color-red-light": "color-mix(in srgb, var(--mantine-color-red-8) 18%, var(--mantine-color-dark-7))",
    "--mantine-color-placeholder": "var(--mantine-color-dark-1)",
    "--surface": "var(--mantine-color-dark-6)",
    "--line": "var(--mantine-color-dark-4)",
  },
});
