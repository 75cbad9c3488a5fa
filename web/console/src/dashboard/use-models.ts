import { useQuery } from "@tanstack/react-query";
import { type ModelInfo, rest } from "../api/rest";

/** Milliseconds for which a list of models is taken as true; an endpoint may change its own at any time. */
const FRESH = 60_000;

/** The models of this installation. */
export function useModels() {
  return useQuery({ queryKey: ["models"], queryFn: rest.models, staleTime: FRESH });
}

/** The name of the model of agents that name none; "" while it is not known. */
export function defaultModelOf(models: readonly ModelInfo[] | undefined): string {
  return models?.find((model) => model.default)?.id ?? "";
}
