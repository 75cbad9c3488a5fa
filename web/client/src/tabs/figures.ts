import type { Timers } from "../timers.js";
import type { HubTab } from "./hub-tab.js";
import type { LineFigures } from "./messages.js";
import { NO_FIGURES } from "./no-figures.js";
import type { SharedLine } from "./shared-line.js";

/** Seconds between two tellings. */
const PAUSE = 1;

/** What the shared line is doing, told to the tabs that watch: at each change, and each second. */
export class Figures {
  connectedAt: number | undefined;
  roundTrip: number | undefined;
  readonly #tabs: ReadonlySet<HubTab>;
  readonly #timers: Timers;
  readonly #post: (tab: HubTab, figures: LineFigures) => void;
  #timer: unknown;

  constructor(tabs: ReadonlySet<HubTab>, timers: Timers, post: (tab: HubTab, figures: LineFigures) => void) {
    this.#tabs = tabs;
    this.#timers = timers;
    this.#post = post;
  }

  /** The connection is gone. */
  cut(): void {
    this.connectedAt = this.roundTrip = undefined;
  }

  read(line: SharedLine | undefined): LineFigures {
    return {
      connectedAt: this.connectedAt,
      roundTrip: this.roundTrip,
      tabs: this.#tabs.size,
      stats: { ...(line?.stats ?? NO_FIGURES.stats) },
      positions: [...(line?.positions() ?? [])],
      learned: line?.learned ?? NO_FIGURES.learned,
    };
  }

  tell(line: SharedLine | undefined): void {
    this.#timers.clear(this.#timer);
    const watching = [...this.#tabs].filter(({ isWatching }) => isWatching);
    if (!line || !watching.length) {
      return;
    }
    const figures = this.read(line);
    for (const tab of watching) {
      this.#post(tab, figures);
    }
    this.#timer = this.#timers.set(() => this.tell(line), PAUSE);
  }
}
