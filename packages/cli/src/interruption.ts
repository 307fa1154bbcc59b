import { constants } from "node:os";
import { complain } from "./output/streams.ts";

/** A signal that Ctrl-C aborts, so that work can stop between two steps and save what was done. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning back. */
  release(): void;
}

const stopping = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One Ctrl-C can come twice, from the terminal and from a program such as npm that passes it on: milliseconds. */
const echo = 500;

/** The first SIGINT, SIGTERM or SIGHUP asks for a clean stop, a later one ends the process at once. */
export function interruptible(): Interruption {
  const controller = new AbortController();
  let first = Number.NEGATIVE_INFINITY;
  const interrupt = (name: NodeJS.Signals) => {
    const now = performance.now();
    if (controller.signal.aborted) {
      if (now - first > echo) process.exit(128 + constants.signals[name]);
      return;
    }
    first = now;
    controller.abort();
    complain("stopping after the step under way, saving what was done (once more stops at once)");
  };
  for (const name of stopping) process.on(name, interrupt);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of stopping) process.off(name, interrupt);
    },
  };
}
