import { connect } from "@trunkline/client";
import { TrunklineProvider, useConnection, useTopic } from "@trunkline/client/react";

interface Price {
  readonly symbol: string;
  readonly price: number;
}

const client = connect("/");

function Row({ symbol }: { readonly symbol: string }) {
  const { data, status } = useTopic<Price | null, { price_changed: Price }>(`price:${symbol}`, {
    initial: null,
    reduce: (_, event) => event.data,
  });
  return (
    <li className={status}>
      {symbol} {data?.price ?? "…"}
    </li>
  );
}

function Connection() {
  const { state, retryIn } = useConnection();
  return <footer>{state === "waiting" ? `back in ${retryIn?.toFixed(1)} s` : state}</footer>;
}

export function Prices({ symbols }: { readonly symbols: readonly string[] }) {
  return (
    <TrunklineProvider client={client}>
      <ul>
        {symbols.map((symbol) => (
          <Row key={symbol} symbol={symbol} />
        ))}
      </ul>
      <Connection />
    </TrunklineProvider>
  );
}
