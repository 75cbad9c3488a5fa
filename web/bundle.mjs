/**
 * Puts the built console where the Python server reads it, with compressed copies beside the files, made once and well
 * instead of at each request. Run after `npm run build --workspace @trunkline/console`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const HERE = dirname(fileURLToPath(import.meta.url));
const BUILT = join(HERE, "console", "dist");
const PLACE = join(HERE, "..", "src", "trunkline", "agents", "console");
const FRESH = `${PLACE}.new`;
const OLD = `${PLACE}.old`;

const TEXT = new Set([".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".webmanifest", ".xml"]);
/** Below it a copy saves less than the packet that carries it. */
const WORTHWHILE = 1024;
/** The page is written last and never compressed: the server puts a nonce into it. */
const PAGE = "index.html";

const compress = {
  ".br": (data) => brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  ".gz": (data) => gzipSync(data, { level: 9 }),
};

function write(name) {
  const data = readFileSync(join(BUILT, name));
  const target = join(FRESH, name);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, data);
  if (name === PAGE || data.length < WORTHWHILE || !TEXT.has(extname(name))) return;
  for (const [ending, pack] of Object.entries(compress)) {
    const packed = pack(data);
    if (packed.length < data.length) writeFileSync(target + ending, packed);
  }
}

if (!existsSync(join(BUILT, PAGE))) {
  console.error(`There is no ${join(BUILT, PAGE)}: build the console first.`);
  process.exit(1);
}
const names = readdirSync(BUILT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(BUILT.length + 1));
for (const place of [FRESH, OLD]) rmSync(place, { recursive: true, force: true });
for (const name of names.filter((name) => name !== PAGE)) write(name);
write(PAGE);
if (existsSync(PLACE)) renameSync(PLACE, OLD);
renameSync(FRESH, PLACE);
rmSync(OLD, { recursive: true, force: true });
