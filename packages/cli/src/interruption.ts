import { constants } from "node:os";
import { complain } from "./output/streams.ts";

/** A signal that Ctrl-C aborts, so that work can stop between two steps and save what was done. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning back. */
  release(): void;
}

/** The first SIGINT or SIGTERM asks for a clean stop, the second one ends the process at once. */
export function interruptible(): Interruption {
  const controller = new AbortController();
  const interrupt = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
    controller.abort();
    complain("stopping after the step under way, saving what was done (once more stops at once)");
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return {
    signal: controller.signal,
    release: () => {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
    },
  };
}
