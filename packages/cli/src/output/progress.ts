import { Presets, SingleBar } from "cli-progress";

/** Shows how far a long piece of work is. */
export interface Progress {
  update(done: number, note: string): void;
  /** Ends the display, after which updates show nothing on a terminal; the text that follows starts on its own line. */
  stop(): void;
}

/** A bar with the time that is left on a terminal; otherwise a plain line every tenth of the way. */
export function progress(label: string, total: number, done = 0, stream: Terminal = process.stdout): Progress {
  return stream.isTTY ? bar(label, total, done, stream) : plainLines(label, total, done);
}

type Terminal = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** Columns of the line without its bar: the library cuts what does not fit, so the bar takes only what is over. */
const textWidth = 78;

function bar(label: string, total: number, done: number, stream: Terminal): Progress {
  const barsize = Math.min(24, (stream.columns ?? 80) - textWidth);
  const drawn = barsize > 4 ? "[{bar}] " : "";
  const format = `${label} ${drawn}{percentage}% {value}/{total}  {eta_formatted} left  {note}`;
  const options = { format, stream, hideCursor: true, gracefulExit: false, etaBuffer: 50, barsize };
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
