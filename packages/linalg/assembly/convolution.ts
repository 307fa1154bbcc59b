/**
 * Convolution as a matrix product. The columns of a few images,
 *
 *     columns[(c, r, s), (n, p, q)] = x[n, c, p stride + r - padding, q stride + s - padding],
 *
 * turn y = w * x into y(F x NPQ) = w(F x CRS) columns(CRS x NPQ). Arrays are contiguous, addresses are in bytes.
 */

/** columns <- the columns of `images` images; zero outside the image. */
// @ts-expect-error: decorator
@inline
function im2col<T>(
  x: usize, columns: usize, images: i32,
  C: i32, H: i32, W: i32, R: i32, S: i32, P: i32, Q: i32, stride: i32, padding: i32,
): void {
  const tap = <usize>(images * P * Q) << alignof<T>();
  if (padding > 0) memory.fill(columns, 0, <usize>(C * R * S) * tap);
  for (let c = 0; c < C; c++) {
    for (let r = 0; r < R; r++) {
      const top = firstInside(r, stride, padding);
      const rows = endInside(r, H, P, stride, padding) - top;
      for (let s = 0; s < S; s++) {
        const left = firstInside(s, stride, padding);
        const width = endInside(s, W, Q, stride, padding) - left;
        let to = columns + (<usize>(top * Q + left) << alignof<T>());
        const pixel = (c * H + top * stride + r - padding) * W + left * stride + s - padding;
        let from = x + (<usize>pixel << alignof<T>());
        for (let n = 0; n < images; n++) {
          if (stride == 1) copyBlock<T>(from, to, rows, width, W, Q);
          else gatherBlock<T>(from, to, rows, width, stride, W, Q);
          from += <usize>(C * H * W) << alignof<T>();
          to += <usize>(P * Q) << alignof<T>();
        }
        columns += tap;
      }
    }
  }
}

/** The transpose of im2col: xbar <- the sum of the entries that each pixel was copied to. */
// @ts-expect-error: decorator
@inline
function col2im<T>(
  columns: usize, xbar: usize, images: i32,
  C: i32, H: i32, W: i32, R: i32, S: i32, P: i32, Q: i32, stride: i32, padding: i32,
): void {
  memory.fill(xbar, 0, <usize>(images * C * H * W) << alignof<T>());
  for (let c = 0; c < C; c++) {
    for (let r = 0; r < R; r++) {
      const top = firstInside(r, stride, padding);
      const rows = endInside(r, H, P, stride, padding) - top;
      for (let s = 0; s < S; s++) {
        const left = firstInside(s, stride, padding);
        const width = endInside(s, W, Q, stride, padding) - left;
        let from = columns + (<usize>(top * Q + left) << alignof<T>());
        const pixel = (c * H + top * stride + r - padding) * W + left * stride + s - padding;
        let to = xbar + (<usize>pixel << alignof<T>());
        for (let n = 0; n < images; n++) {
          if (stride == 1) addBlock<T>(from, to, rows, width, Q, W);
          else scatterBlock<T>(from, to, rows, width, stride, Q, W);
          to += <usize>(C * H * W) << alignof<T>();
          from += <usize>(P * Q) << alignof<T>();
        }
        columns += <usize>(images * P * Q) << alignof<T>();
      }
    }
  }
}

/** The first p with p stride + r - padding >= 0. */
// @ts-expect-error: decorator
@inline
function firstInside(r: i32, stride: i32, padding: i32): i32 {
  return max(0, (padding - r + stride - 1) / stride);
}

/** One past the last p < P with p stride + r - padding < H. */
// @ts-expect-error: decorator
@inline
function endInside(r: i32, H: i32, P: i32, stride: i32, padding: i32): i32 {
  const last = H - 1 - r + padding;
  return last < 0 ? 0 : min(P, last / stride + 1);
}

/**
 * to[i,j] <- from[i,j] over rows x width entries, rows `pitch` entries apart. It goes down one vector-wide strip after
 * the other, because the rows are often as short as two vectors.
 */
// @ts-expect-error: decorator
@inline
function copyBlock<T>(from: usize, to: usize, rows: i32, width: i32, fromPitch: i32, toPitch: i32): void {
  const fromRow = <usize>fromPitch << alignof<T>();
  const toRow = <usize>toPitch << alignof<T>();
  const lanes = 16 >> alignof<T>();
  let j = 0;
  for (; j + lanes <= width; j += lanes) {
    copyStrip(from + (<usize>j << alignof<T>()), to + (<usize>j << alignof<T>()), rows, fromRow, toRow);
  }
  for (; j < width; j++) {
    let a = from + (<usize>j << alignof<T>());
    let b = to + (<usize>j << alignof<T>());
    for (let i = 0; i < rows; i++) {
      store<T>(b, load<T>(a));
      a += fromRow;
      b += toRow;
    }
  }
}

// @ts-expect-error: decorator
@inline
function copyStrip(from: usize, to: usize, rows: i32, fromRow: usize, toRow: usize): void {
  for (let i = 0; i < rows; i++) {
    v128.store(to, v128.load(from));
    from += fromRow;
    to += toRow;
  }
}

/** to[i,j] <- to[i,j] + from[i,j], in strips as `copyBlock`. */
// @ts-expect-error: decorator
@inline
function addBlock<T>(from: usize, to: usize, rows: i32, width: i32, fromPitch: i32, toPitch: i32): void {
  const fromRow = <usize>fromPitch << alignof<T>();
  const toRow = <usize>toPitch << alignof<T>();
  const lanes = 16 >> alignof<T>();
  let j = 0;
  for (; j + lanes <= width; j += lanes) {
    let a = from + (<usize>j << alignof<T>());
    let b = to + (<usize>j << alignof<T>());
    for (let i = 0; i < rows; i++) {
      v128.store(b, v128.add<T>(v128.load(b), v128.load(a)));
      a += fromRow;
      b += toRow;
    }
  }
  if (j < width) {
    scatterBlock<T>(
      from + (<usize>j << alignof<T>()), to + (<usize>j << alignof<T>()), rows, width - j, 1, fromPitch, toPitch,
    );
  }
}

/** to[i,j] <- from[i stride, j stride] */
// @ts-expect-error: decorator
@inline
function gatherBlock<T>(
  from: usize, to: usize, rows: i32, width: i32, stride: i32, fromPitch: i32, toPitch: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const a = from + (<usize>(i * stride * fromPitch) << alignof<T>());
    const b = to + (<usize>(i * toPitch) << alignof<T>());
    for (let j = 0; j < width; j++) {
      store<T>(b + (<usize>j << alignof<T>()), load<T>(a + (<usize>(j * stride) << alignof<T>())));
    }
  }
}

/** to[i stride, j stride] <- to[i stride, j stride] + from[i,j] */
// @ts-expect-error: decorator
@inline
function scatterBlock<T>(
  from: usize, to: usize, rows: i32, width: i32, stride: i32, fromPitch: i32, toPitch: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const a = from + (<usize>(i * fromPitch) << alignof<T>());
    const b = to + (<usize>(i * stride * toPitch) << alignof<T>());
    for (let j = 0; j < width; j++) {
      const at = b + (<usize>(j * stride) << alignof<T>());
      store<T>(at, load<T>(at) + load<T>(a + (<usize>j << alignof<T>())));
    }
  }
}

/** y[n,f,i] <- z[f,n,i] + bias[f]: a product's rows, one a filter, back into images. A bias at address 0 is none. */
// @ts-expect-error: decorator
@inline
function filtersToImages<T>(z: usize, bias: usize, y: usize, images: i32, F: i32, pixels: i32): void {
  const bytes = <usize>pixels << alignof<T>();
  for (let n = 0; n < images; n++) {
    for (let f = 0; f < F; f++) {
      let from = z + <usize>(f * images + n) * bytes;
      const b: T = bias == 0 ? 0 : load<T>(bias + (<usize>f << alignof<T>()));
      const end = y + bytes;
      for (; y + 16 <= end; y += 16, from += 16) v128.store(y, v128.add<T>(v128.load(from), v128.splat<T>(b)));
      for (; y < end; y += sizeof<T>(), from += sizeof<T>()) store<T>(y, load<T>(from) + b);
    }
  }
}

/** z[f,n,i] <- y[n,f,i]: the rows that `filtersToImages` took apart. */
// @ts-expect-error: decorator
@inline
function imagesToFilters<T>(y: usize, z: usize, images: i32, F: i32, pixels: i32): void {
  const bytes = <usize>pixels << alignof<T>();
  for (let f = 0; f < F; f++) {
    for (let n = 0; n < images; n++) {
      memory.copy(z, y + <usize>(n * F + f) * bytes, bytes);
      z += bytes;
    }
  }
}

/** sums[plane] <- the sum of the entries of each plane, in float64 whatever the dtype. */
// @ts-expect-error: decorator
@inline
function sumPlanes<T>(y: usize, sums: usize, planes: i32, pixels: i32): void {
  for (let plane = 0; plane < planes; plane++) {
    const end = y + (<usize>pixels << alignof<T>());
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (; y + 16 <= end; y += 16) {
      const values = v128.load(y);
      if (sizeof<T>() == 4) {
        low = f64x2.add(low, f64x2.promote_low_f32x4(values));
        high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(values, values, 1, 1)));
      } else {
        low = f64x2.add(low, values);
      }
    }
    low = f64x2.add(low, high);
    let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
    for (; y < end; y += sizeof<T>()) sum += <f64>load<T>(y);
    store<f64>(sums + (<usize>plane << 3), sum);
  }
}

/** y[plane,p,q] <- the maximum of a size x size window of x; argmax <- its flat index in x plus `start`. */
// @ts-expect-error: decorator
@inline
function maxPool2d<T>(
  x: usize, y: usize, argmax: usize, start: i32, planes: i32, H: i32, W: i32, P: i32, Q: i32, size: i32,
): void {
  for (let plane = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++) {
      const row = (plane * H + p * size) * W;
      let q = 0;
      if (sizeof<T>() == 4 && size == 2) {
        for (; q + 4 <= Q; q += 4) {
          pool4(x, row + 2 * q, W, start, y, argmax);
          y += 16;
          argmax += 16;
        }
      }
      for (; q < Q; q++) {
        let best = row + q * size;
        let largest = load<T>(x + (<usize>best << alignof<T>()));
        for (let r = 0; r < size; r++) {
          for (let s = 0; s < size; s++) {
            const at = row + q * size + r * W + s;
            const value = load<T>(x + (<usize>at << alignof<T>()));
            // As the reference has it: a NaN takes the lead and keeps it.
            const leads = i32(!(value <= largest)) & i32(largest == largest);
            largest = select<T>(value, largest, leads);
            best = select<i32>(at, best, leads);
          }
        }
        store<T>(y, largest);
        store<i32>(argmax, best + start);
        y += sizeof<T>();
        argmax += 4;
      }
    }
  }
}

/** Four neighbouring 2 x 2 windows of float32, whose first pixel is entry `at` of x. */
// @ts-expect-error: decorator
@inline
function pool4(x: usize, at: i32, W: i32, start: i32, y: usize, argmax: usize): void {
  const above = x + (<usize>at << 2);
  const below = above + (<usize>W << 2);
  const a0 = v128.load(above);
  const a1 = v128.load(above, 16);
  const b0 = v128.load(below);
  const b1 = v128.load(below, 16);
  let largest = v128.shuffle<f32>(a0, a1, 0, 2, 4, 6);
  let best = i32x4.add(i32x4.splat(at + start), i32x4(0, 2, 4, 6));
  const corner = best;

  let value = v128.shuffle<f32>(a0, a1, 1, 3, 5, 7);
  let leads = v128.andnot(f32x4.eq(largest, largest), f32x4.le(value, largest));
  largest = v128.bitselect(value, largest, leads);
  best = v128.bitselect(i32x4.add(corner, i32x4.splat(1)), best, leads);

  value = v128.shuffle<f32>(b0, b1, 0, 2, 4, 6);
  leads = v128.andnot(f32x4.eq(largest, largest), f32x4.le(value, largest));
  largest = v128.bitselect(value, largest, leads);
  best = v128.bitselect(i32x4.add(corner, i32x4.splat(W)), best, leads);

  value = v128.shuffle<f32>(b0, b1, 1, 3, 5, 7);
  leads = v128.andnot(f32x4.eq(largest, largest), f32x4.le(value, largest));
  largest = v128.bitselect(value, largest, leads);
  best = v128.bitselect(i32x4.add(corner, i32x4.splat(W + 1)), best, leads);

  v128.store(y, largest);
  v128.store(argmax, best);
}

export function im2col_f32(
  x: usize, columns: usize, images: i32,
  C: i32, H: i32, W: i32, R: i32, S: i32, P: i32, Q: i32, stride: i32, padding: i32,
): void {
  im2col<f32>(x, columns, images, C, H, W, R, S, P, Q, stride, padding);
}

export function im2col_f64(
  x: usize, columns: usize, images: i32,
  C: i32, H: i32, W: i32, R: i32, S: i32, P: i32, Q: i32, stride: i32, padding: i32,
): void {
  im2col<f64>(x, columns, images, C, H, W, R, S, P, Q, stride, padding);
}

export function col2im_f32(
  columns: usize, x: usize, images: i32,
  C: i32, H: i32, W: i32, R: i32, S: i32, P: i32, Q: i32, stride: i32, padding: i32,
): void {
  col2im<f32>(columns, x, images, C, H, W, R, S, P, Q, stride, padding);
}

export function col2im_f64(
  columns: usize, x: usize, images: i32,
  C: i32, H: i32, W: i32, R: i32, S: i32, P: i32, Q: i32, stride: i32, padding: i32,
): void {
  col2im<f64>(columns, x, images, C, H, W, R, S, P, Q, stride, padding);
}

export function filtersToImages_f32(z: usize, bias: usize, y: usize, images: i32, F: i32, pixels: i32): void {
  filtersToImages<f32>(z, bias, y, images, F, pixels);
}

export function filtersToImages_f64(z: usize, bias: usize, y: usize, images: i32, F: i32, pixels: i32): void {
  filtersToImages<f64>(z, bias, y, images, F, pixels);
}

export function imagesToFilters_f32(y: usize, z: usize, images: i32, F: i32, pixels: i32): void {
  imagesToFilters<f32>(y, z, images, F, pixels);
}

export function imagesToFilters_f64(y: usize, z: usize, images: i32, F: i32, pixels: i32): void {
  imagesToFilters<f64>(y, z, images, F, pixels);
}

export function sumPlanes_f32(y: usize, sums: usize, planes: i32, pixels: i32): void {
  sumPlanes<f32>(y, sums, planes, pixels);
}

export function sumPlanes_f64(y: usize, sums: usize, planes: i32, pixels: i32): void {
  sumPlanes<f64>(y, sums, planes, pixels);
}

export function maxPool2d_f32(
  x: usize, y: usize, argmax: usize, start: i32, planes: i32, H: i32, W: i32, P: i32, Q: i32, size: i32,
): void {
  maxPool2d<f32>(x, y, argmax, start, planes, H, W, P, Q, size);
}

export function maxPool2d_f64(
  x: usize, y: usize, argmax: usize, start: i32, planes: i32, H: i32, W: i32, P: i32, Q: i32, size: i32,
): void {
  maxPool2d<f64>(x, y, argmax, start, planes, H, W, P, Q, size);
}
