import { Table, Title } from "@mantine/core";
import { memo, useId } from "react";
import { asSentence, sentenceOfCode } from "../shell/line-sentences";
import { useApp } from "../state/app-state";
import type { LineLogEntry } from "../state/line-log";
import { STATE_NAMES } from "./own-line-panel";
import classes from "./own-line-panel.module.css";
import { clockOf } from "./quantities";
import { ScrollRegion } from "./scroll-region";
import tables from "./tables.module.css";

interface LineLogProps {
  /** How far the server's clock is ahead of the browser's, in milliseconds; the times shown are the server's. */
  readonly skew: number;
}

/** The newest changes of the line's state, the newest first. */
export const LineLog = memo(function LineLog({ skew }: LineLogProps) {
  const id = useId();
  const log = useApp((state) => state.lineLog);
  return (
    <div className={classes["panel"]}>
      <Title order={3} size="sm" id={id} mb={6}>
        Log of this page
      </Title>
      <ScrollRegion size="list" labelledBy={id}>
        <Table
          stickyHeader
          verticalSpacing={3}
          horizontalSpacing={6}
          className={tables["numbers"] ?? ""}
          layout="fixed"
        >
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col" w={70}>
                Time
              </Table.Th>
              <Table.Th scope="col" w={88}>
                State
              </Table.Th>
              <Table.Th scope="col">Why</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {log.map((entry) => (
              <Table.Tr key={entry.number}>
                <Table.Th scope="row">{clockOf(entry.at + skew)}</Table.Th>
                <Table.Td>{STATE_NAMES[entry.state]}</Table.Td>
                <Table.Td>{whyOf(entry)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollRegion>
    </div>
  );
});

/** Why the state is this one: the reason that was given, what the code means, and when the next try is. */
export function whyOf({ state, code, reason, retryIn }: LineLogEntry): string {
  if (state === "connecting" || state === "connected") {
    return "";
  }
  const meaning = sentenceOfCode(code);
  const given = asSentence(reason) === meaning ? "" : asSentence(reason);
  const numbered = code === undefined ? "" : `${meaning || "Closed with a code of its own."} (${code})`;
  const next = retryIn === undefined ? "" : `Next try in ${retryIn.toFixed(1)} s.`;
  return [given, numbered, next].filter(Boolean).join(" ");
}
