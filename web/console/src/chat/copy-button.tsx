import { ActionIcon, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { copyText } from "./copy-text";

/** Milliseconds for which the button says that it copied. */
const SAID_FOR = 1_500;

interface CopyButtonProps {
  /** What is copied, for people: “message”, “code”. */
  readonly what: string;
  readonly text: () => string;
}

/** Copies a text, and says so. */
export function CopyButton({ what, text }: CopyButtonProps) {
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied ? setTimeout(() => setIsCopied(false), SAID_FOR) : undefined;
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    if (await copyText(text())) {
      setIsCopied(true);
    } else {
      const message = "The browser does not let this page copy. Select the text and copy it yourself.";
      notifications.show({ color: "red", title: "Not copied", message });
    }
  };
  const label = isCopied ? "Copied" : `Copy ${what}`;
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size={24} aria-label={label} onClick={copy}>
        {isCopied ? <Check size={14} /> : <Copy size={14} />}
      </ActionIcon>
    </Tooltip>
  );
}
