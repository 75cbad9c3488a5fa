import { Table, Text, Title } from "@mantine/core";
import type { LineState } from "@trunkline/client";
import { type ReactNode, useId } from "react";
import { describeLine, sentenceOfLine } from "../shell/line-sentences";
import { useIsOnline } from "../shell/use-surroundings";
import type { LineStatus } from "../state/line-status";
import { LineLog } from "./line-log";
import { type OwnFigures, useOwnLine } from "./own-line";
import classes from "./own-line-panel.module.css";
import { clockOf, duration, textOf } from "./quantities";
import { ScrollRegion } from "./scroll-region";
import { StatePill } from "./state-pill";
import tables from "./tables.module.css";

/** A state of the line, in a word. */
export const STATE_NAMES: Readonly<Record<LineState, string>> = {
  idle: "Not started",
  connecting: "Connecting",
  connected: "Connected",
  waiting: "Waiting",
  closed: "Closed",
};

const TONES = { live: "good", busy: "busy", down: "bad", closed: "worst" } as const;

/** How this browser's own line is, and what it went through. */
export function OwnLinePanel() {
  const id = useId();
  const { now, status, since, figures, waiting, skew } = useOwnLine();
  const { tone } = describeLine(status, now, waiting, useIsOnline());
  return (
    <section aria-labelledby={id}>
      <div className={classes["head"]}>
        <Title order={2} size="h4" id={id}>
          This browser's line
        </Title>
        <StatePill tone={TONES[tone]}>{STATE_NAMES[status.state]}</StatePill>
        <Text size="sm" c="dimmed" className={classes["sentence"] ?? ""}>
          {sentenceOf(status, since, now, skew)}
        </Text>
      </div>
      <div className={classes["panels"]}>
        <Facts figures={figures} waiting={waiting} />
        <Positions positions={figures.positions} />
        <LineLog skew={skew} />
      </div>
    </section>
  );
}

/** `skew` is how far the server's clock is ahead of the browser's, in milliseconds. */
function sentenceOf(status: LineStatus, since: number, now: number, skew: number): string {
  const time = `${clockOf(since + skew)}, for ${duration(Math.max(0, Math.floor((now - since) / 1000)))}`;
  return status.state === "connected" ? `Since ${time}` : `No line since ${time}. ${reasonOf(status)}`.trim();
}

function reasonOf(status: LineStatus): string {
  return status.state === "waiting" || status.state === "closed" ? sentenceOfLine(status) : "";
}

interface FactsProps {
  readonly figures: OwnFigures;
  readonly waiting: number;
}

function Facts({ figures: { stats, learned, roundTrip, sharing }, waiting }: FactsProps) {
  return (
    <div className={classes["panel"]}>
      <Title order={3} size="sm" mb={6}>
        What it went through
      </Title>
      <dl className={classes["facts"]}>
        <Fact name="Shared">{sharing}</Fact>
        <Fact name="Sockets opened">{textOf(stats.connects, "count")}</Fact>
        <Fact name="Round trip of the last ping">
          {roundTrip === undefined ? "none yet" : textOf(roundTrip * 1000, "milliseconds")}
        </Fact>
        <Fact name="Longest silence that held">{learned.holds ? duration(learned.holds) : "not known yet"}</Fact>
        <Fact name="Shortest silence that broke it">
          {learned.breaks === undefined ? "none" : duration(learned.breaks)}
        </Fact>
        <Fact name="Events missed and recovered">{textOf(stats.recovered, "count")}</Fact>
        <Fact name="Gaps, each repaired">{textOf(stats.gaps, "count")}</Fact>
        <Fact name="Doubled or late events dropped">{textOf(stats.duplicates + stats.reordered, "count")}</Fact>
        <Fact name="Streams begun anew">{textOf(stats.resets, "count")}</Fact>
        <Fact name="Calls waiting">{textOf(waiting, "count")}</Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Positions({ positions }: Pick<OwnFigures, "positions">) {
  const id = useId();
  return (
    <div className={classes["panel"]}>
      <Title order={3} size="sm" id={id} mb={6}>
        Positions
      </Title>
      <ScrollRegion size="list" labelledBy={id}>
        <Table stickyHeader verticalSpacing={3} className={tables["numbers"] ?? ""}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Topic</Table.Th>
              <Table.Th scope="col">Epoch</Table.Th>
              <Table.Th scope="col" ta="right">
                Event
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {positions.map(([topic, { epoch, seq }]) => (
              <Table.Tr key={topic}>
                <Table.Th scope="row">{topic}</Table.Th>
                <Table.Td title={epoch}>{epoch.length > 8 ? `…${epoch.slice(-7)}` : epoch}</Table.Td>
                <Table.Td ta="right">{textOf(seq, "count")}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {!positions.length && (
          <Text size="xs" c="dimmed">
            Nothing was heard of any topic yet.
          </Text>
        )}
      </ScrollRegion>
    </div>
  );
}
