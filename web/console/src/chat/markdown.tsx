import { memo, useRef } from "react";
import ReactMarkdown, { type Components, type Options } from "react-markdown";
import { harden } from "rehype-harden";
import rehypeHighlight from "rehype-highlight";
import remarkGfm from "remark-gfm";
import { CopyButton } from "./copy-button";
import { LANGUAGES } from "./languages";
import classes from "./markdown.module.css";

const remarkPlugins: Options["remarkPlugins"] = [remarkGfm];

// A model may be told to leak what it read by the address of a picture: none is fetched from elsewhere.
const rehypePlugins: Options["rehypePlugins"] = [
  [rehypeHighlight, { languages: LANGUAGES, detect: false }],
  [
    harden,
    {
      allowedLinkPrefixes: ["*"],
      allowedImagePrefixes: [],
      allowDataImages: true,
      linkBlockPolicy: "text-only",
      blockedImageClass: classes["blocked"],
    },
  ],
];

const components: Components = {
  a: ({ node: _, ...props }) => <a {...props} target="_blank" rel="noopener noreferrer" />,
  pre: ({ node: _, children }) => <CodeBlock>{children}</CodeBlock>,
  table: ({ node: _, ...props }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className={classes["table"]} tabIndex={0}>
      <table {...props} />
    </div>
  ),
  // The page has its one first heading already.
  h1: ({ node: _, ...props }) => <h2 {...props} />,
  input: ({ node: _, ...props }) => <input {...props} aria-label={props.checked ? "Done" : "To do"} />,
};

/** A text in Markdown. */
export const Markdown = memo(function Markdown({ text }: { readonly text: string }) {
  return (
    <div className={classes["markdown"]}>
      <ReactMarkdown remarkPlugins={remarkPlugins} rehypePlugins={rehypePlugins} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
});

function CodeBlock({ children }: { readonly children: React.ReactNode }) {
  const code = useRef<HTMLPreElement>(null);
  return (
    <figure className={classes["code"]}>
      <figcaption>
        <span>{languageOf(children)}</span>
        <CopyButton what="code" text={() => code.current?.textContent?.replace(/\n$/, "") ?? ""} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre ref={code} tabIndex={0}>
        {children}
      </pre>
    </figure>
  );
}

/** The name that stands after the fence. */
function languageOf(children: React.ReactNode): string {
  const { className } = (children as { readonly props?: { readonly className?: string } } | null)?.props ?? {};
  return /language-(\S+)/.exec(className ?? "")?.[1] ?? "";
}
