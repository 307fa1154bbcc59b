import type { ColumnMemory, ConvolutionExports } from "../convolution/memory.ts";
import type { AdamExports } from "../update/adam.ts";
import type { FloatArray } from "../view.ts";

/** The part of the engine's interface used here; neither Node's types nor ES2023 declare it. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Module {
    constructor(code: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: object;
  }
  function validate(code: Uint8Array<ArrayBuffer>): boolean;
}

/** Whether this engine runs WebAssembly with the features that the code uses. */
export function runs(code: Uint8Array<ArrayBuffer>): boolean {
  return "WebAssembly" in globalThis && WebAssembly.validate(code);
}

type Routine = "gemm" | "gemv" | "syrk" | "trsm" | "potrf" | "potrs";

/** The exports of the compiled `assembly/`; operands as addresses in bytes and strides in elements. */
export type WasmExports = ConvolutionExports &
  AdamExports & { scratchEnd(): number } & {
    readonly [Name in `${Routine}_${"f32" | "f64"}`]: (...values: number[]) => void;
  };

const PAGE = 65536;
const INITIAL_BYTES = 16 * 1024 * 1024;

/**
 * One instance of the kernels and its memory, laid out as: the kernels' scratch, the region of `reserve`, and a stack
 * for the operands of the call in progress. Growing detaches the JavaScript arrays made on the memory before.
 */
export class WasmModule implements ColumnMemory {
  readonly exports: WasmExports;
  readonly variant: string;
  private readonly memory: WebAssembly.Memory;
  private readonly regionStart: number;
  private stackStart: number;
  private top: number;
  private float32: Float32Array;
  private float64: Float64Array;

  constructor(code: Uint8Array<ArrayBuffer>, variant: string) {
    this.memory = new WebAssembly.Memory({ initial: INITIAL_BYTES / PAGE, maximum: PAGE });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory: this.memory } });
    this.exports = exports as WasmExports;
    this.variant = variant;
    this.regionStart = align(this.exports.scratchEnd());
    this.stackStart = this.regionStart;
    this.top = this.regionStart;
    this.float32 = new Float32Array(this.memory.buffer);
    this.float64 = new Float64Array(this.memory.buffer);
  }

  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  /** The whole memory as an array of the dtype of `like`. */
  heap(like: FloatArray): FloatArray {
    if (this.float32.buffer !== this.memory.buffer) {
      this.float32 = new Float32Array(this.memory.buffer);
      this.float64 = new Float64Array(this.memory.buffer);
    }
    return like.BYTES_PER_ELEMENT === 4 ? this.float32 : this.float64;
  }

  /** A region outside the stack, of this many bytes and aligned to 16, whose content stays until the next `reserve`. */
  reserve(bytes: number): { readonly buffer: ArrayBuffer; readonly address: number } {
    this.stackStart = Math.max(this.stackStart, align(this.regionStart + bytes));
    this.top = this.stackStart;
    this.ensure(this.top);
    return { buffer: this.memory.buffer, address: this.regionStart };
  }

  /** Forgets the operands of the call before. */
  clear(): void {
    this.top = this.stackStart;
  }

  /** The address of this many bytes on the stack, aligned to 16, until `clear`. */
  push(bytes: number): number {
    const address = this.top;
    this.top = align(address + bytes);
    this.ensure(this.top);
    return address;
  }

  private ensure(end: number): void {
    const size = this.memory.buffer.byteLength;
    if (end <= size) return;
    const pages = Math.ceil((Math.max(end, Math.min(1.5 * size, PAGE * PAGE)) - size) / PAGE);
    this.memory.grow(pages);
  }
}

function align(address: number): number {
  return Math.ceil(address / 16) * 16;
}
