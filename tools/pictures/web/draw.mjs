// node draw.mjs FIGURES FOLDER CHROMIUM: builds the page and photographs every dashboard into
// FOLDER/NAME.png.
import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { build, preview } from "vite";

// Nothing of a browser's own wishes: no updates, no sync, no look-ups.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const [figures, pictures, executablePath] = process.argv.slice(2);
const { width, boards } = JSON.parse(await readFile(figures));
const site = await mkdtemp(join(tmpdir(), "pictures-"));
const settings = {
  configFile: false,
  logLevel: "error",
  publicDir: false,
  build: { outDir: site, emptyOutDir: true, target: "esnext", minify: false, chunkSizeWarningLimit: 100000 },
  esbuild: { jsx: "automatic" },
};
await build(settings);
await cp("node_modules/@grafana/ui/dist/public", join(site, "build"), { recursive: true }); // icons
await copyFile(figures, join(site, "figures.json"));
const server = await preview({ ...settings, preview: { host: "127.0.0.1", port: 0 } });
const browser = await chromium.launch({ executablePath, args: FLAGS });
try {
  const { port } = server.httpServer.address();
  await mkdir(pictures, { recursive: true });
  for (const name of Object.keys(boards)) {
    const page = await browser.newPage({ viewport: { width, height: 100 }, timezoneId: "UTC", locale: "en-GB" });
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(`http://127.0.0.1:${port}/?board=${name}`);
    await page.waitForFunction(() => window.drawn, null, { timeout: 120_000 });
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true, timeout: 120_000 });
    await page.close();
    if (faults.length) throw new Error(`${name}: ${faults.join("; ")}`);
  }
} finally {
  await browser.close();
  await new Promise((ended) => server.httpServer.close(ended));
  await rm(site, { recursive: true });
}
