import type { Tensor } from "../tensor.ts";

const recording = { enabled: true };

/** Whether ops are being recorded for a later backward pass. */
export function isGradEnabled(): boolean {
  return recording.enabled;
}

/** Runs `body`, which must be synchronous, without recording: its results need no gradient. */
export function noGrad<T>(body: () => T): T {
  return withRecording(false, body);
}

/** Runs `body` with recording switched on or off; the former state returns whatever happens. */
export function withRecording<T>(enabled: boolean, body: () => T): T {
  const before = recording.enabled;
  recording.enabled = enabled;
  try {
    return body();
  } finally {
    recording.enabled = before;
  }
}

/** Whether an op on these tensors goes on the tape. */
export function isRecorded(inputs: readonly Tensor[]): boolean {
  return recording.enabled && inputs.some((input) => input.requiresGrad);
}
