import { defineConfig } from "vitest/config";

// The packages resolve to their sources, so that a test needs no build of what it tests.
const conditions = ["solvegrad-source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    // Test files run side by side: BLAS threads that wait for a core would slow each of them many times over.
    env: { OPENBLAS_NUM_THREADS: "1" },
    testTimeout: 120_000,
  },
});
