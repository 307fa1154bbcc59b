import { type Profiler, Session } from "node:inspector/promises";
import { basename } from "node:path";

/** A function, and the share of the samples in which it was the innermost one running. */
export interface FunctionShare {
  readonly name: string;
  readonly share: number;
}

/** Runs `work` under V8's sampling profiler; the functions with the largest shares first. */
export async function profiled(work: () => void, most = 16): Promise<FunctionShare[]> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 200 });
  await session.post("Profiler.start");
  work();
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  return sharesOf(profile).slice(0, most);
}

function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): FunctionShare[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, describe(callFrame)]));
  const microseconds = new Map<string, number>();
  samples.forEach((id, i) => {
    const name = names.get(id) ?? "(unknown)";
    microseconds.set(name, (microseconds.get(name) ?? 0) + timeDeltas[i]);
  });
  const total = [...microseconds.values()].reduce((sum, time) => sum + time, 0);
  return [...microseconds].map(([name, time]) => ({ name, share: time / total })).sort((a, b) => b.share - a.share);
}

function describe({ functionName, url, lineNumber }: Profiler.Profile["nodes"][number]["callFrame"]): string {
  const place = url === "" ? "" : ` (${basename(url)}:${lineNumber + 1})`;
  return `${functionName || "(anonymous)"}${place}`;
}
