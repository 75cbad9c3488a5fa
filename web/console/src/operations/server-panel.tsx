import { Alert, Button, SegmentedControl, Skeleton, Text, Title } from "@mantine/core";
import type { TopicView } from "@trunkline/client/state";
import { useCallback, useId, useMemo, useState } from "react";
import { useStored } from "../shell/use-stored";
import { useApp } from "../state/app-state";
import { NO_HISTORY, type SystemHistory } from "../state/system-history";
import { LifetimesTable } from "./lifetimes-table";
import { PLOTS } from "./metrics";
import { PlotFigure } from "./plot-figure";
import { duration } from "./quantities";
import { columnsOf, since } from "./readings";
import classes from "./server-panel.module.css";
import { StatePill } from "./state-pill";
import { Tiles } from "./tiles";
import { useClock } from "./use-clock";

const WINDOWS = [
  { value: "5", label: "5 minutes" },
  { value: "10", label: "10 minutes" },
];

const TONES = { ok: "good", degraded: "bad", stopping: "worst" } as const;
const NAMES = { ok: "In order", degraded: "Degraded", stopping: "Stopping" } as const;

const LOADING: TopicView<SystemHistory> = { data: NO_HISTORY, status: "loading" };

/** How the server is and was, in numbers and plots. */
export function ServerPanel({ retry }: { readonly retry: () => void }) {
  const id = useId();
  const view = useApp((state) => state.system) ?? LOADING;
  return (
    <section aria-labelledby={id}>
      <div className={classes["head"]}>
        <Title order={2} size="h4" id={id}>
          The server
        </Title>
        <Health view={view} />
      </div>
      {view.status === "failed" ? (
        <Refused sentence={view.error?.message ?? ""} retry={retry} />
      ) : (
        <Body history={view.data} />
      )}
    </section>
  );
}

function Refused({ sentence, retry }: { readonly sentence: string; readonly retry: () => void }) {
  return (
    <Alert color="red" title="The server does not tell how it is" role="alert">
      <Text size="sm" mb="sm">
        {sentence}
      </Text>
      <Button size="xs" variant="default" onClick={retry}>
        Ask again
      </Button>
    </Alert>
  );
}

function Health({ view: { data, status } }: { readonly view: TopicView<SystemHistory> }) {
  const { now } = data;
  if (!now) {
    return status === "loading" ? <Skeleton width={180} height={20} /> : null;
  }
  return (
    <>
      <StatePill tone={TONES[now.status]}>{NAMES[now.status]}</StatePill>
      <Text size="sm" className={classes["message"] ?? ""}>
        {now.message}
      </Text>
      <Text size="sm" c="dimmed" className={classes["version"] ?? ""}>
        Version {now.version}, up for {duration(now.sample.uptime)}
      </Text>
      <Age at={Date.parse(now.sample.time)} />
    </>
  );
}

function Age({ at }: { readonly at: number }) {
  const { now, isCurrent } = useClock(at);
  return isCurrent ? null : <StatePill tone="bad">As it was {duration(Math.floor((now - at) / 1000))} ago</StatePill>;
}

function Body({ history }: { readonly history: SystemHistory }) {
  const { now, samples } = history;
  if (!now) {
    return <Placeholders />;
  }
  return (
    <>
      <Tiles status={now} samples={samples} />
      <Plots history={history} />
    </>
  );
}

function Plots({ history: { now, samples } }: { readonly history: SystemHistory }) {
  const [minutes, setMinutes] = useStored("operations.minutes", "5");
  const [pointedAt, setPointedAt] = useState<number | null>(null);
  const clock = useClock(Date.parse(samples.at(-1)?.time ?? now?.sample.time ?? ""));
  const to = clock.now / 1000;
  const from = to - Number(minutes) * 60;
  const plots = useMemo(
    () =>
      PLOTS.map(({ series }) =>
        columnsOf(
          samples,
          series.map(({ read }) => read),
        ),
      ),
    [samples],
  );
  const pointed = useCallback((time: number | null) => setPointedAt(time), []);
  return (
    <>
      <div className={classes["bar"]}>
        <SegmentedControl size="xs" data={WINDOWS} value={minutes} aria-label="Time shown" onChange={setMinutes} />
      </div>
      <div className={classes["plots"]}>
        {now && <LifetimesTable lifetimes={now.lifetimes} />}
        {PLOTS.map((spec, index) => (
          <PlotFigure
            key={spec.name}
            spec={spec}
            columns={since(plots[index] ?? { times: [], values: [] }, from)}
            from={from}
            to={to}
            pointedAt={pointedAt}
            pointed={pointed}
          />
        ))}
      </div>
    </>
  );
}

function Placeholders() {
  return (
    <div role="status" aria-label="Loading">
      <Skeleton height={288} radius="md" mb={10} />
      <div className={classes["plots"]}>
        {PLOTS.map(({ name }) => (
          <Skeleton key={name} height={225} radius="md" />
        ))}
      </div>
    </div>
  );
}
