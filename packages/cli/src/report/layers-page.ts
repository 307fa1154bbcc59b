import type { LayerComparison, LayerStudyPoint } from "@solvegrad/optlayers";
import { information } from "../commands/info.ts";
import * as text from "../output/numbers.ts";
import { counted } from "./comparison-sections.ts";
import { figures, page, section, table } from "./document.ts";
import { convergenceFigure, type ErrorPoint, isVisible, truncationFigure } from "./error-figures.ts";
import type { Html } from "./html.ts";
import { provenance } from "./training-page.ts";

export interface LayersReport {
  /** What was compared, as the start of a sentence. */
  readonly subject: string;
  /** What `compareLayers` found. */
  readonly comparison: LayerComparison;
  /** What `layerStudy` found for tolerances. */
  readonly tolerances?: readonly LayerStudyPoint[];
  /** What it found for numbers of iterations. */
  readonly iterations?: readonly LayerStudyPoint[];
}

const head = ["layer", "cosine", "difference", "of the outputs", "forward ms", "backward ms", "tape"];

/** A comparison of any layers as an offline page: the table, and the two figures of a truncated layer where they were studied. */
export function layersPage({ subject, comparison, tolerances = [], iterations = [] }: LayersReport): string {
  const { layers, reference } = comparison;
  const rows = layers.map((row) => [
    row.layer,
    text.cosine(row.overall.cosine),
    text.error(row.overall.relativeDifference),
    text.error(row.outputDifference),
    text.milliseconds(row.forwardMilliseconds),
    text.milliseconds(row.backwardMilliseconds),
    text.bytes(row.tapeBytes),
  ]);
  const caption = `${subject}. Cosine and relative difference of the gradients of all inputs together, against ${reference}.`;
  const studies = [...tolerancesFigure(tolerances, subject), ...iterationsFigure(iterations, subject)];
  return page(
    `${counted(layers.length, "gradient")} of one layer`,
    `${subject}. ${provenance(new Date(), information())}`,
    [
      section(`${counted(layers.length, "way")} to the gradient`, [table(head, rows, caption)]),
      ...(studies.length > 0 ? [section("Truncation and convergence", [figures(studies)])] : []),
    ],
  );
}

function tolerancesFigure(points: readonly LayerStudyPoint[], subject: string): Html[] {
  const errors = points.map(errorsOf);
  return errors.some(isVisible) ? [truncationFigure(errors, `${subject}, stopped at each tolerance.`)] : [];
}

function iterationsFigure(points: readonly LayerStudyPoint[], subject: string): Html[] {
  const errors = points.map(errorsOf);
  if (!errors.some(isVisible)) return [];
  const title = "The gradient converges with the outputs";
  const words = {
    derivative: "gradient",
    dots: true,
    title,
    caption: `${subject}, stopped after each number of iterations.`,
  };
  return [convergenceFigure(errors, words)];
}

function errorsOf({ setting, outputError, gradientError }: LayerStudyPoint): ErrorPoint {
  return { setting, solutionError: outputError, gradientError };
}
