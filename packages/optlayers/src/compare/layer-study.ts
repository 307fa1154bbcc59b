import type { Tensor } from "@solvegrad/autograd";
import { compareLayers, type LayerComparisonOptions, type LayerUnderTest } from "./compare-layers.ts";

/** How far a layer with one setting is from the exact one. */
export interface LayerStudyPoint {
  /** The tolerance, or the number of iterations. */
  readonly setting: number;
  /** |outputs - exact outputs| / |exact outputs|. */
  readonly outputError: number;
  /** |gradient - exact gradient| / |exact gradient|, over all inputs. */
  readonly gradientError: number;
  readonly cosine: number;
}

/**
 * The two pictures of a truncated layer, for any layer: its error and that of its gradient against tolerances, or against
 * numbers of iterations, at which it is stopped.
 *
 *     layerStudy((iterations) => ({ q }) => layer(q, iterations), ({ q }) => exactLayer(q), { q }, [1, 2, 5, 10, 20])
 *
 * Throws what `compareLayers` throws.
 */
export function layerStudy(
  stopped: (setting: number) => LayerUnderTest,
  exact: LayerUnderTest,
  inputs: Readonly<Record<string, Tensor>>,
  settings: readonly number[],
  { cotangents }: Pick<LayerComparisonOptions, "cotangents"> = {},
): LayerStudyPoint[] {
  return settings.map((setting) => {
    const { layers } = compareLayers({ exact, stopped: stopped(setting) }, inputs, { reference: "exact", cotangents });
    const { outputDifference, overall } = layers[1];
    return {
      setting,
      outputError: outputDifference,
      gradientError: overall.relativeDifference,
      cosine: overall.cosine,
    };
  });
}
