import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { type ModelInfo, rest } from "../api/rest";
import { useApp } from "../state/app-state";

/** Milliseconds for which a list of models is taken as true; an endpoint may change its own at any time. */
const FRESH = 60_000;

/** The models of this installation; asked for again when the server is back. */
export function useModels() {
  const isConnected = useApp((state) => state.line.state === "connected");
  const query = useQuery({ queryKey: ["models"], queryFn: rest.models, staleTime: FRESH });
  const { isError, refetch } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a failure is no reason to ask again, a line is
  useEffect(() => {
    if (isConnected && isError) {
      refetch();
    }
  }, [isConnected, refetch]);
  return query;
}

/** The name of the model of agents that name none; "" while it is not known. */
export function defaultModelOf(models: readonly ModelInfo[] | undefined): string {
  return models?.find((model) => model.default)?.id ?? "";
}
