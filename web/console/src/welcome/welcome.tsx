import { Alert, Anchor, Button, Text, Title } from "@mantine/core";
import { ArrowRight } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { sentenceOf } from "../api/failure";
import type { AgentDraft } from "../api/rest";
import { useConsole } from "../console-context";
import { ask } from "../dashboard/run-agent";
import { useModels } from "../dashboard/use-models";
import type { Agent } from "../generated/agents";
import { Logo } from "../shell/logo";
import { chooseFirstModel, firstAgent, QUESTIONS } from "./first-agent";
import classes from "./welcome.module.css";

interface WelcomeProps {
  /** The first agent, once it is there. */
  readonly agent: Agent | undefined;
  /** Make the first agent. Throws `Failure`. */
  readonly make: (draft: AgentDraft) => Promise<void>;
  /** Somebody would rather make an agent of their own, or see the list. */
  readonly skip: () => void;
}

/** What stands where nothing is set up: two clicks to a first answer. */
export function Welcome({ agent, make, skip }: WelcomeProps) {
  return (
    <section className={classes["welcome"]} aria-labelledby="welcome">
      <Logo size={40} />
      {agent ? <FirstQuestion agent={agent} skip={skip} /> : <FirstAgent make={make} skip={skip} />}
    </section>
  );
}

/** Something that is done once, and whose failure is told. */
function useTask() {
  const [failure, setFailure] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const start = async (task: () => Promise<void>) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await task();
    } catch (error) {
      setFailure(sentenceOf(error));
      setBusy(false);
    }
  };
  const notice = failure && (
    <Alert color="red" role="alert" w="100%">
      {failure}
    </Alert>
  );
  return { start, isBusy, notice };
}

function FirstAgent({ make, skip }: Pick<WelcomeProps, "make" | "skip">) {
  const { data: models, isPending } = useModels();
  const { start, isBusy, notice } = useTask();
  const model = chooseFirstModel(models ?? []);
  return (
    <>
      <Title order={1} size="h2" id="welcome">
        Welcome to Trunkline
      </Title>
      <Text>
        Here you make AI agents and talk with them. Everything on this page is live: what an agent writes, and what
        others change, appears by itself.
      </Text>
      {notice}
      <Button
        size="md"
        rightSection={<ArrowRight size={18} aria-hidden />}
        loading={isBusy || isPending}
        onClick={() => start(() => make(firstAgent(model)))}
      >
        Create a first agent
      </Button>
      <Text size="sm" c="dimmed">
        {isPending ? "Looking for a model…" : model.sentence}{" "}
        <Anchor component="button" type="button" size="sm" onClick={skip}>
          Make your own instead
        </Anchor>
      </Text>
    </>
  );
}

function FirstQuestion({ agent, skip }: { readonly agent: Agent; readonly skip: () => void }) {
  const app = useConsole();
  const [, navigate] = useLocation();
  const { start, isBusy, notice } = useTask();
  const begin = (question: string) =>
    start(async () => navigate(`/threads/${(await ask(app, agent.id, question)).id}`));
  return (
    <>
      <Title order={1} size="h2" id="welcome">
        “{agent.name}” is ready
      </Title>
      <Text>Ask it something to begin a first conversation. You can change everything about it later.</Text>
      {notice}
      <ul className={classes["questions"]}>
        {QUESTIONS.map((question) => (
          <li key={question}>
            <Button
              variant="default"
              fullWidth
              justify="space-between"
              rightSection={<ArrowRight size={16} aria-hidden />}
              disabled={isBusy}
              onClick={() => begin(question)}
            >
              {question}
            </Button>
          </li>
        ))}
      </ul>
      <Anchor component="button" type="button" size="sm" onClick={skip}>
        Go to the dashboard
      </Anchor>
    </>
  );
}
