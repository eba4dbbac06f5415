// Answers HTTP with the components of a Spin application: a new instance for each request, as Spin.
import { HTTPServer, types } from "@bytecodealliance/preview2-shim/http";
import { readFileSync } from "node:fs";
import { imports } from "./grants.mjs";

const PORT = 3000;
/** The host answers this path itself: to know that it is up, without an instance. */
const READY = "/.spin-host";
const app = JSON.parse(process.env.SPIN_APP);
const stores = new Map();

/** Loads a component's code once; what it gives makes an instance. */
async function load(component) {
  const folder = `/app/out/${component.file}`;
  const { instantiate } = await import(`${folder}/component.js`);
  const modules = new Map();
  const core = (path) => {
    if (!modules.has(path)) {
      modules.set(path, new WebAssembly.Module(readFileSync(`${folder}/${path}`)));
    }
    return modules.get(path);
  };
  return () => instantiate(core, imports(component, stores));
}

/** How well a route fits a path: -1 not at all, else the more the longer it is. */
function fits(route, path) {
  const wild = route.endsWith("/...");
  const parts = (wild ? route.slice(0, -4) : route).split("/").filter(Boolean);
  const given = path.split("/").filter(Boolean);
  if (given.length < parts.length || (!wild && given.length > parts.length)) return -1;
  if (!parts.every((part, i) => part.startsWith(":") || part === given[i])) return -1;
  return parts.length * 2 + (wild ? 0 : 1);
}

function answer(out, status, words) {
  const response = new types.OutgoingResponse(new types.Fields());
  response.setStatusCode(status);
  const body = response.body();
  types.ResponseOutparam.set(out, { tag: "ok", val: response });
  const stream = body.write();
  stream.blockingWriteAndFlush(new TextEncoder().encode(words));
  stream[Symbol.dispose]();
  types.OutgoingBody.finish(body, undefined);
}

const components = new Map();
for (const component of app.components) {
  const make = await load(component);
  make(); // compiles the code before the first request comes
  components.set(component.name, make);
}

function handle(request, out) {
  const path = (request.pathWithQuery() ?? "/").split("?")[0];
  if (path === READY) return answer(out, 200, "ready\n");
  const found = app.routes
    .map((trigger) => ({ ...trigger, fit: fits(trigger.route, path) }))
    .filter((trigger) => trigger.fit >= 0)
    .sort((a, b) => b.fit - a.fit)[0];
  if (!found) return answer(out, 404, "no route\n");
  const began = process.hrtime.bigint();
  try {
    const instance = components.get(found.component)();
    const ready = process.hrtime.bigint();
    instance.incomingHandler.handle(request, out);
    const done = process.hrtime.bigint();
    console.log(JSON.stringify({ path, instanceNs: Number(ready - began), runNs: Number(done - ready) }));
  } catch (error) {
    console.error(`${found.component}: ${error?.stack ?? error}`);
    try {
      answer(out, 500, "the component failed\n");
    } catch {
      // It had begun to answer.
    }
  }
}

new HTTPServer({ handle }).listen(PORT, "0.0.0.0");
console.log("listening");
