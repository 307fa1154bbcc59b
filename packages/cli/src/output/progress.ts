import { Presets, SingleBar } from "cli-progress";

/** Shows how far a long piece of work is. */
export interface Progress {
  update(done: number, note: string): void;
  /** Ends the display; the text that follows starts on its own line. */
  stop(): void;
}

/** A bar with the time that is left on a terminal; otherwise a plain line every tenth of the way. */
export function progress(label: string, total: number, done = 0): Progress {
  return process.stdout.isTTY ? bar(label, total, done) : plainLines(label, total, done);
}

function bar(label: string, total: number, done: number): Progress {
  const format = `${label} [{bar}] {percentage}% {value}/{total}  {note}  {eta_formatted} left`;
  const options = { format, stream: process.stdout, hideCursor: true, gracefulExit: false, etaBuffer: 50, barsize: 24 };
  const single = new SingleBar(options, Presets.legacy);
  single.start(total, done, { note: "" });
  return {
    update: (now, note) => single.update(now, { note }),
    stop: () => single.stop(),
  };
}

function plainLines(label: string, total: number, done: number): Progress {
  const tenthOf = (now: number) => Math.floor((10 * now) / total);
  const start = performance.now();
  let shown = tenthOf(done);
  return {
    update(now, note) {
      if (tenthOf(now) === shown) return;
      shown = tenthOf(now);
      const seconds = (performance.now() - start) / 1000;
      const left = (seconds / (now - done)) * (total - now);
      process.stdout.write(`${label} ${now}/${total}  ${note}  ${seconds.toFixed(0)} s, ${left.toFixed(0)} s left\n`);
    },
    stop: () => {},
  };
}
