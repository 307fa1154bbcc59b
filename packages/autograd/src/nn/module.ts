import { Tensor } from "../tensor.ts";

/** A function with parameters: a layer, or a network of layers. */
export abstract class Module {
  abstract forward(x: Tensor): Tensor;

  /**
   * The tensors to train, by dotted name: the names of the fields on the way to them, numbers within lists ("layers.0.weight"),
   * in the order in which the fields were set. Every field that holds a tensor with requiresGrad is a parameter.
   */
  parameters(): Map<string, Tensor> {
    const found = new Map<string, Tensor>();
    for (const [name, value] of Object.entries(this)) collect(name, value, found);
    return found;
  }
}

function collect(name: string, value: unknown, found: Map<string, Tensor>): void {
  if (value instanceof Tensor) {
    if (value.requiresGrad && value.node === null) found.set(name, value);
  } else if (value instanceof Module) {
    for (const [rest, parameter] of value.parameters()) found.set(`${name}.${rest}`, parameter);
  } else if (Array.isArray(value)) {
    value.forEach((entry, i) => {
      collect(`${name}.${i}`, entry, found);
    });
  }
}
