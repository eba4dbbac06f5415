// Turns every component of /app into JavaScript and core modules, once, while the image is built.
import { transpile } from "@bytecodealliance/jco-transpile";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const FILES = JSON.parse(readFileSync("/app/files.json", "utf8"));

for (const file of FILES) {
  const out = join("/app/out", file);
  mkdirSync(out, { recursive: true });
  const { files } = await transpile(join("/app", file), {
    name: "component",
    instantiation: "sync",
    emitTypescriptDeclarations: false,
    outDir: out,
  });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(out, basename(name)), content);
  }
}
