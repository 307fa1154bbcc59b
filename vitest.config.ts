import { defineConfig } from "vitest/config";

// The packages resolve to their sources, so that a test needs no build of what it tests.
const conditions = ["solvegrad-source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
  },
});
