// Compiles assembly/ twice, with and without relaxed SIMD (fused multiply-add), into base64 modules under src/wasm/.
// `npm run wasm` writes them; the test that they are not stale calls `compile` and compares.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("..", import.meta.url));
const entries = ["assembly/linalg.ts", "assembly/convolution.ts", "assembly/adam.ts"];
const options = [
  ["--runtime", "stub", "-O3", "--noAssert", "--importMemory", "--enable", "simd"],
  // Addresses are 32 bits wide; warnings about a port to 64 bits do not apply.
  ["--disableWarning", "201"],
].flat();

export const variants = {
  simd: [],
  "relaxed-simd": ["--enable", "relaxed-simd"],
};

/** The text of `src/wasm/<variant>.generated.ts`. */
export async function compile(variant) {
  const folder = await mkdtemp(join(tmpdir(), "solvegrad-wasm-"));
  try {
    const output = join(folder, "kernels.wasm");
    const { error, stderr } = await asc.main([
      ...entries,
      ...options,
      ...variants[variant],
      "--baseDir",
      root,
      "--outFile",
      output,
    ]);
    if (error) throw new Error(`${variant}: ${error.message}\n${stderr.toString()}`);
    const base64 = (await readFile(output)).toString("base64");
    return `// Compiled from assembly/ by "npm run wasm".\nexport const base64 =\n  "${base64}";\n`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function generatedFile(variant) {
  return join(root, `src/wasm/${variant}.generated.ts`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const variant of Object.keys(variants)) {
    const text = await compile(variant);
    await writeFile(generatedFile(variant), text);
    console.log(`${variant}: ${Math.round(((text.length / 4) * 3) / 1024)} KB of WebAssembly`);
  }
}
