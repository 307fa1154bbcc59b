import { Conv2d, Linear, logSoftmax, Module, type Random, ReLU, Sequential, type Tensor } from "@solvegrad/autograd";

export interface SudokuBaselineOptions {
  /** 2 for mini-Sudoku, 3 for 9 x 9. Default 2. */
  readonly block?: number;
}

/** A softmax over the digits of each cell, for entries (B, ..., digit). */
function perCell(entries: Tensor): Tensor {
  return logSoftmax(entries, entries.rank - 1).exp();
}

/**
 * The fully connected baseline of OptNet's Sudoku experiment: the one-hot board through hidden layers that mirror, each
 * with ReLU (64 - 100 - 100 - 100 - 100 - 64), and a softmax in each cell. float32.
 */
export class SudokuPerceptron extends Module {
  readonly layers: Sequential;
  readonly #block: number;

  constructor(
    random: Random,
    { block = 2, hidden = [100, 100] }: SudokuBaselineOptions & { hidden?: readonly number[] } = {},
  ) {
    super();
    this.#block = block;
    const n = block ** 6;
    const widths = [n, ...hidden, ...hidden.toReversed(), n];
    const options = { random, dtype: "float32" } as const;
    const layers = widths.slice(1).flatMap((width, i) => [new Linear(widths[i], width, options), new ReLU()]);
    this.layers = new Sequential(...layers);
  }

  /** Boards (B x size^3) for puzzles (B x size^3), both one-hot. */
  override forward(puzzles: Tensor): Tensor {
    const size = this.#block ** 2;
    const [batch, n] = puzzles.shape;
    const entries = this.layers.forward(puzzles.to("float32"));
    return perCell(entries.reshape([batch, size * size, size]))
      .reshape([batch, n])
      .to(puzzles.dtype);
  }
}

/**
 * The convolutional baseline: the digits as channels, `depth` convolutions of 3 x 3 with ReLU and `width` filters
 * (512 and 10 in the paper), one more to the digits, and a softmax in each cell. float32.
 */
export class SudokuConvNet extends Module {
  readonly layers: Sequential;
  readonly #block: number;

  constructor(
    random: Random,
    { block = 2, width = 512, depth = 10 }: SudokuBaselineOptions & { width?: number; depth?: number } = {},
  ) {
    super();
    this.#block = block;
    const size = block * block;
    const options = { random, padding: 1, dtype: "float32" } as const;
    const channels = [size, ...new Array<number>(depth).fill(width), size];
    const convolutions = channels.slice(1).map((count, i) => new Conv2d(channels[i], count, 3, options));
    const layers = convolutions.flatMap((layer, i) => (i < depth ? [layer, new ReLU()] : [layer]));
    this.layers = new Sequential(...layers);
  }

  /** Boards (B x size^3) for puzzles (B x size^3), both one-hot. */
  override forward(puzzles: Tensor): Tensor {
    const size = this.#block ** 2;
    const [batch, n] = puzzles.shape;
    const board = puzzles.to("float32").reshape([batch, size, size, size]).transpose(0, 3, 1, 2);
    const entries = this.layers.forward(board).transpose(0, 2, 3, 1);
    return perCell(entries).reshape([batch, n]).to(puzzles.dtype);
  }
}
