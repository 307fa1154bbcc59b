export const variants: Record<string, string[]>;
export function compile(variant: string): Promise<string>;
export function generatedFile(variant: string): string;
