import { createRequire } from "node:module";
import { availableParallelism } from "node:os";

/** A pointer argument: a typed array, passed in place. */
type Pointer = Float32Array | Float64Array | Int32Array | Uint8Array;

/** The part of koffi's interface used here. */
interface Library {
  func(prototype: string): (...values: (number | Pointer)[]) => unknown;
}
interface Koffi {
  load(path: string): Library;
}

/** CBLAS routines (all row- or column-major by their first argument) and LAPACK's Cholesky, for one dtype. */
export interface BlasRoutines {
  gemm(...values: (number | Pointer)[]): void;
  gemv(...values: (number | Pointer)[]): void;
  syrk(...values: (number | Pointer)[]): void;
  trsm(...values: (number | Pointer)[]): void;
  trsv(...values: (number | Pointer)[]): void;
  ger(...values: (number | Pointer)[]): void;
  axpy(...values: (number | Pointer)[]): void;
  dot(...values: (number | Pointer)[]): number;
  potrf(...values: (number | Pointer)[]): void;
}

export interface Blas {
  readonly description: string;
  readonly threads: number;
  /** Called before a routine with its floating-point operations: large ones run on all threads, others on one. */
  readonly prepare: (operations: number) => void;
  readonly float32: BlasRoutines;
  readonly float64: BlasRoutines;
}

/** C prototypes; `real` is the dtype, `?` its letter. Enumerations are passed as int. */
const prototypes: Record<keyof BlasRoutines, string> = {
  gemm: "void cblas_?gemm(int, int, int, int, int, int, real, void *, int, void *, int, real, void *, int)",
  gemv: "void cblas_?gemv(int, int, int, int, real, void *, int, void *, int, real, void *, int)",
  syrk: "void cblas_?syrk(int, int, int, int, int, real, void *, int, real, void *, int)",
  trsm: "void cblas_?trsm(int, int, int, int, int, int, int, real, void *, int, void *, int)",
  trsv: "void cblas_?trsv(int, int, int, int, int, void *, int, void *, int)",
  ger: "void cblas_?ger(int, int, int, real, void *, int, void *, int, void *, int)",
  axpy: "void cblas_?axpy(int, real, void *, int, void *, int)",
  dot: "real cblas_?dot(int, void *, int, void *, int)",
  // Fortran: everything by address, and the length of the string argument last.
  potrf: "void ?potrf_(void *, void *, void *, void *, void *, size_t)",
};

/** The environment variable SOLVEGRAD_BLAS names the one library to use; without it, where each system has its own. */
function candidates(): string[] {
  if (process.env.SOLVEGRAD_BLAS) return [process.env.SOLVEGRAD_BLAS];
  if (process.platform === "darwin") return ["/System/Library/Frameworks/Accelerate.framework/Accelerate"];
  if (process.platform === "win32") return ["libopenblas.dll", "openblas.dll"];
  return ["libopenblas.so.0", "libopenblas.so"];
}

/** The first BLAS that koffi can load and that has every routine, or null. */
export function loadBlas(): Blas | null {
  const koffi = loadKoffi();
  if (!koffi) return null;
  for (const path of candidates()) {
    try {
      return bind(koffi.load(path), path);
    } catch {
      // Not on this machine, or without one of the routines: the next one.
    }
  }
  return null;
}

/** koffi is an optional dependency; it may be missing, or have no binary for this system. */
function loadKoffi(): Koffi | null {
  try {
    return createRequire(import.meta.url)("koffi") as Koffi;
  } catch {
    return null;
  }
}

function bind(library: Library, path: string): Blas {
  const optional = (prototype: string) => {
    try {
      return library.func(prototype)();
    } catch {
      return null;
    }
  };
  const threads = Number(optional("int openblas_get_num_threads()") ?? availableParallelism());
  const core = optional("str openblas_get_corename()");
  const version = optional("str openblas_get_config()");
  const name = typeof version === "string" ? version.split(" ").slice(0, 2).join(" ") : path;
  return {
    description: core === null ? name : `${name}, ${core} kernels`,
    threads,
    prepare: threadSwitch(library, threads),
    float32: bindRoutines(library, "s", "float"),
    float64: bindRoutines(library, "d", "double"),
  };
}

/**
 * Below so many operations (4 ms of one core) a second thread saves little, and waiting for it costs more than the whole
 * routine where the machine has other work: a LeNet step took 19.8 ms on two threads throughout and 17.1 on one.
 */
const threadedOperations = 2e8;

/** Switches OpenBLAS between one thread and all; another library keeps its own counsel. */
function threadSwitch(library: Library, threads: number): (operations: number) => void {
  if (threads === 1) return () => {};
  let current = threads;
  try {
    const setThreads = library.func("void openblas_set_num_threads(int)");
    return (operations) => {
      const wanted = operations < threadedOperations ? 1 : threads;
      if (wanted !== current) setThreads(wanted);
      current = wanted;
    };
  } catch {
    return () => {};
  }
}

function bindRoutines(library: Library, letter: string, real: string): BlasRoutines {
  const entries = Object.entries(prototypes).map(([name, prototype]) => [
    name,
    library.func(prototype.replaceAll("?", letter).replaceAll("real", real)),
  ]);
  return Object.fromEntries(entries) as BlasRoutines;
}
