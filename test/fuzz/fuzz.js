import { createServer } from "vite";

// As in vitest.config.ts: the packages resolve to their sources, so nothing has to be built.
const conditions = ["solvegrad-source", "node", "import", "module", "default"];
const server = await createServer({
  configFile: false,
  logLevel: "error",
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  resolve: { conditions },
  ssr: { resolve: { conditions } },
});
try {
  const { fuzz } = await server.ssrLoadModule("/test/fuzz/main.ts");
  await fuzz(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await server.close();
}
