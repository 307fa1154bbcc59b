import { type Profiler, Session } from "node:inspector/promises";
import { basename } from "node:path";

/** A part of the program, and the share of the samples in which one of its functions was the innermost one running. */
export interface PartShare {
  readonly name: string;
  readonly share: number;
}

/** Runs `work` under V8's sampling profiler; the parts with the largest shares first. */
export async function profiled(work: () => void, most = 12): Promise<PartShare[]> {
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

function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): PartShare[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]));
  const microseconds = new Map<string, number>();
  samples.forEach((id, i) => {
    const name = names.get(id) ?? "(unknown)";
    microseconds.set(name, (microseconds.get(name) ?? 0) + timeDeltas[i]);
  });
  const total = [...microseconds.values()].reduce((sum, time) => sum + time, 0);
  return [...microseconds].map(([name, time]) => ({ name, share: time / total })).sort((a, b) => b.share - a.share);
}

/** One part for each source file; code that is not JavaScript has no file of its own. */
function partOf({ functionName, url }: Profiler.Profile["nodes"][number]["callFrame"]): string {
  if (url.startsWith("wasm:")) return "WebAssembly routines";
  if (url !== "") return basename(url);
  return functionName.startsWith("(") ? functionName : "native code: BLAS, copies between typed arrays";
}
