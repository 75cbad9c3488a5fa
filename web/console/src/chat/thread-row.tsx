import { ActionIcon, Menu, TextInput } from "@mantine/core";
import { Ellipsis, Pencil, Trash2 } from "lucide-react";
import { type KeyboardEvent, memo, useState } from "react";
import { Link, useLocation } from "wouter";
import { sentenceOf } from "../api/failure";
import { rest } from "../api/rest";
import type { Thread } from "../generated/agents";
import { deleteWithUndo } from "../shell/delete-with-undo";
import { useApp } from "../state/app-state";
import { isRunning } from "../state/entities";
import { isUnread } from "../state/seen";
import { titleOf } from "../state/titles";
import { isComposing } from "./composer";
import classes from "./thread-list.module.css";

interface ThreadRowProps {
  readonly thread: Thread;
  readonly isOpen: boolean;
}

/** One thread of the list, and what can be done with it. */
export const ThreadRow = memo(function ThreadRow({ thread, isOpen }: ThreadRowProps) {
  const [, navigate] = useLocation();
  const [isRenaming, setIsRenaming] = useState(false);
  const running = useApp(({ threads }) => isRunning(threads.data.activity.get(thread.id)));
  const unread = useApp(({ threads, seen }) => isUnread(threads.data.activity.get(thread.id), seen));
  const title = titleOf(thread);
  if (isRenaming) {
    return (
      <li className={classes["row"]} data-open={isOpen}>
        <RenameField thread={thread} close={() => setIsRenaming(false)} />
      </li>
    );
  }
  const remove = () => {
    deleteWithUndo("threads", thread.id, `Thread “${title}”`);
    if (isOpen) {
      navigate(`/agents/${thread.agent_id}`);
    }
  };
  return (
    <li className={classes["row"]} data-open={isOpen}>
      <Link
        href={`/threads/${thread.id}`}
        className={classes["link"] ?? ""}
        data-unread={unread}
        aria-current={isOpen ? "page" : undefined}
        title={title}
      >
        <span className={classes["name"]}>{title}</span>
        {running && <span className={classes["running"]} role="img" aria-label="being answered" />}
        {unread && <span className={classes["unread"]} role="img" aria-label="unread" />}
      </Link>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            className={classes["menu"] ?? ""}
            variant="subtle"
            color="gray"
            size={24}
            aria-label={`What to do with “${title}”`}
          >
            <Ellipsis size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Pencil size={14} />} onClick={() => setIsRenaming(true)}>
            Rename
          </Menu.Item>
          <Menu.Item color="red" leftSection={<Trash2 size={14} />} onClick={remove}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
});

function RenameField({ thread, close }: { readonly thread: Thread; readonly close: () => void }) {
  const [title, setTitle] = useState(thread.title);
  const [trouble, setTrouble] = useState<string>();
  const [isSaving, setIsSaving] = useState(false);
  const save = async () => {
    if (title.trim() === thread.title) {
      close();
      return;
    }
    setIsSaving(true);
    try {
      await rest.renameThread(thread.id, title.trim());
      close();
    } catch (error) {
      setTrouble(sentenceOf(error));
      setIsSaving(false);
    }
  };
  const press = (event: KeyboardEvent) => {
    if (isComposing(event)) {
      return;
    }
    if (event.key === "Enter") {
      save();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  };
  return (
    <TextInput
      className={classes["rename"] ?? ""}
      size="xs"
      aria-label="New name of the thread"
      autoFocus
      maxLength={200}
      value={title}
      error={trouble}
      readOnly={isSaving}
      onChange={(event) => setTitle(event.currentTarget.value)}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={() => trouble === undefined && save()}
      onKeyDown={press}
    />
  );
}
