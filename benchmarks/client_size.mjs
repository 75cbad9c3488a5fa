// Bundles each file named on the command line as a page would, and prints its gzipped bytes as JSON.
// Run from web/, which has the bundler.
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";

const { rolldown } = await import(createRequire(`${process.cwd()}/client/package.json`).resolve("rolldown"));
const sizes = {};
for (const input of process.argv.slice(2)) {
  const bundle = await rolldown({ input, platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  sizes[input] = gzipSync(output[0].code, { level: 9 }).length;
}
console.log(JSON.stringify(sizes));
