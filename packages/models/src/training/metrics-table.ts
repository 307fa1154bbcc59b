import type { TrainingEvent } from "./train.ts";

/** The events of a run as comma-separated values, one line an event; what an event has not is empty. */
export function metricsTable(history: readonly TrainingEvent[]): string {
  const measures = [...new Set(history.flatMap((event) => Object.keys(event.measures)))];
  const header = ["kind", "epoch", "step", "loss", ...measures, "milliseconds", "iterations", "masked"];
  const line = (event: TrainingEvent) => {
    const layer = event.kind === "step" ? event.layer : null;
    const { kind, epoch, step, loss, milliseconds } = event;
    const own = measures.map((name) => event.measures[name] ?? "");
    return [kind, epoch, step, loss, ...own, milliseconds, layer?.iterations ?? "", layer?.masked.length ?? ""];
  };
  return [header, ...history.map(line)].map((cells) => `${cells.join(",")}\n`).join("");
}
