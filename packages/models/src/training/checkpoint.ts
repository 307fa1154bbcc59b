import type { Module, OptimizerState } from "@solvegrad/autograd";
import { DataFileError } from "../data-file-error.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.ts";
import type { ResumableStepper } from "./task.ts";

/** Where a run stands: enough to go on exactly as if it had not stopped. */
export interface Checkpoint {
  readonly stepsTaken: number;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly optimizer: Record<string, OptimizerState["numbers"]>;
  /** What was being run, as its caller describes it. */
  readonly settings: Record<string, unknown>;
}

/** The parameters of a network by name. */
export function weightsOf(network: Module): Map<string, StoredTensor> {
  const stored = [...network.parameters()].map(([name, tensor]): [string, StoredTensor] => [
    name,
    { shape: tensor.shape, values: tensor.data() },
  ]);
  return new Map(stored);
}

/**
 * Sets the parameters of a network to what was stored under their names, in the network's dtype. Throws a DataFileError that names
 * `file` where one is missing or of another shape, before any is set.
 */
export function putWeights(network: Module, storedAs: (name: string) => StoredTensor | undefined, file: string): void {
  const found = [...network.parameters()].map(([name, parameter]) => {
    const stored = storedAs(name);
    if (stored === undefined) throw new DataFileError(file, `has no weights ${name} for this network`);
    if (stored.shape.join() === parameter.shape.join()) return { parameter, stored };
    const shapes = `the shape (${stored.shape.join(", ")}), expected (${parameter.shape.join(", ")})`;
    throw new DataFileError(file, `has weights ${name} of ${shapes}: they are of another network`);
  });
  for (const { parameter, stored } of found) parameter.data().set(stored.values);
}

/** The state of a run as the bytes of a safetensors file: weights, the optimizer's moments, and where the run stands. */
export function encodeCheckpoint(
  network: Module,
  optimizer: ResumableStepper,
  stepsTaken: number,
  settings: Record<string, unknown>,
): Uint8Array {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, stored] of weightsOf(network)) tensors.set(`weight/${name}`, stored);
  const state = optimizer.state();
  for (const [part, { arrays }] of Object.entries(state)) {
    for (const [array, byName] of Object.entries(arrays)) {
      for (const [name, values] of Object.entries(byName)) {
        tensors.set(`optimizer/${part}/${array}/${name}`, { shape: [values.length], values });
      }
    }
  }
  const numbers = Object.fromEntries(Object.entries(state).map(([part, { numbers }]) => [part, numbers]));
  const position = JSON.stringify({ stepsTaken, optimizer: numbers, settings });
  return encodeSafetensors(tensors, { format: "solvegrad checkpoint", position });
}

/** Reads a checkpoint. Throws a DataFileError that names `file` for anything else. */
export function decodeCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  if (metadata.format !== "solvegrad checkpoint")
    throw new DataFileError(file, "is not a checkpoint of a training run");
  const position = parsedPosition(metadata.position);
  if (position === null) throw new DataFileError(file, "does not say where its run stands: it is damaged");
  return { ...position, tensors };
}

/** Steps, optimizer and settings from a checkpoint's metadata; null where they are not all there. */
function parsedPosition(text: string): Omit<Checkpoint, "tensors"> | null {
  const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null;
  try {
    const { stepsTaken, optimizer, settings } = JSON.parse(text);
    const stands = Number.isSafeInteger(stepsTaken) && stepsTaken >= 0;
    return stands && isRecord(optimizer) && isRecord(settings) ? { stepsTaken, optimizer, settings } : null;
  } catch {
    return null;
  }
}

/** Puts a network and its optimizer where the checkpoint stands. Throws a DataFileError when it is of another network. */
export function restore(
  { tensors, optimizer: numbers }: Checkpoint,
  network: Module,
  optimizer: ResumableStepper,
  file: string,
): void {
  putWeights(network, (name) => tensors.get(`weight/${name}`), file);
  const state = Object.entries(numbers).map(([part, values]) => [
    part,
    { numbers: values, arrays: arraysOf(tensors, part) },
  ]);
  try {
    optimizer.load(Object.fromEntries(state));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataFileError(file, `has no state of the optimizer for this network (${reason})`, { cause });
  }
}

function arraysOf(tensors: ReadonlyMap<string, StoredTensor>, part: string): OptimizerState["arrays"] {
  const arrays: Record<string, Record<string, StoredTensor["values"]>> = {};
  for (const [path, { values }] of tensors) {
    const [kind, of, array, ...name] = path.split("/");
    if (kind !== "optimizer" || of !== part) continue;
    arrays[array] ??= {};
    arrays[array][name.join("/")] = values;
  }
  return arrays;
}
