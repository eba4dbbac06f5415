// What one component is given: nothing but what its table in spin.toml names.
import { cli, clocks, filesystem, http, io, random } from "@bytecodealliance/preview2-shim";

function refuse(payload, words) {
  throw Object.assign(new Error(words), { payload });
}

/** An interface that this host does not have: a call of it ends the request. */
function missing(name) {
  const absent = (member) => () => {
    throw new Error(`this host does not give ${name} (${String(member)})`);
  };
  return new Proxy({}, { get: (_, member) => absent(member) });
}

function keyValue(granted, stores) {
  return {
    Store: class Store {
      #entries;
      static open(name) {
        if (!granted.includes(name)) refuse({ tag: "access-denied" }, `store ${name}`);
        if (!stores.has(name)) stores.set(name, new Map());
        const store = new Store();
        store.#entries = stores.get(name);
        return store;
      }
      get(key) {
        return this.#entries.get(key);
      }
      set(key, value) {
        this.#entries.set(key, value);
      }
      delete(key) {
        this.#entries.delete(key);
      }
      exists(key) {
        return this.#entries.has(key);
      }
      getKeys() {
        return [...this.#entries.keys()];
      }
    },
  };
}

function variables(values) {
  return {
    get(name) {
      if (!Object.hasOwn(values, name)) refuse({ tag: "undefined", val: name }, name);
      return values[name];
    },
  };
}

function config(values) {
  return { get: (name) => values[name], getAll: () => Object.entries(values) };
}

/** Whether an entry of allowed_outbound_hosts covers a destination. */
export function allows(entry, scheme, host, port) {
  const found = /^([^:]+):\/\/([^:/]+|\[[^\]]+\])(?::([^/]+))?\/?$/.exec(entry);
  if (!found) return entry === "insecure:allow-all";
  const [, wantedScheme, wantedHost, wantedPort] = found;
  const usual = { http: "80", https: "443" };
  const fits =
    wantedHost === "*" || wantedHost === host ||
    (wantedHost.startsWith("*.") && host.endsWith(wantedHost.slice(1)));
  return (
    fits &&
    (wantedScheme === "*" || wantedScheme === scheme) &&
    (wantedPort === "*" || (wantedPort ?? usual[wantedScheme] ?? port) === port)
  );
}

function outgoing(hosts) {
  return {
    handle(request, options) {
      const scheme = (request.scheme()?.tag ?? "HTTPS").toLowerCase();
      const [host, port] = (request.authority() ?? "").split(/:(?=\d+$)/);
      const to = port ?? (scheme === "http" ? "80" : "443");
      if (!hosts.some((entry) => allows(entry, scheme, host, to))) {
        refuse({ tag: "HTTP-request-denied" }, `${scheme}://${host}:${to} is not allowed`);
      }
      return http.outgoingHandler.handle(request, options);
    },
  };
}

/**
 * The imports of a component.
 *
 * @param given its grants: stores, hosts, variables, environment.
 * @param stores every store of the application, by name.
 */
export function imports(given, stores) {
  const files = filesystem.createFilesystem({ preopens: {} });
  const known = {
    "fermyon:spin/key-value": keyValue(given.stores, stores),
    "fermyon:spin/variables": variables(given.variables),
    "wasi:config/store": config(given.variables),
    "wasi:cli/environment": {
      getEnvironment: () => Object.entries(given.environment),
      getArguments: () => [],
      initialCwd: () => undefined,
    },
    "wasi:cli/exit": {
      exit() {
        throw new Error("the component called exit");
      },
    },
    "wasi:cli/stderr": cli.stderr,
    "wasi:cli/stdin": cli.stdin,
    "wasi:cli/stdout": cli.stdout,
    "wasi:cli/terminal-input": cli.terminalInput,
    "wasi:cli/terminal-output": cli.terminalOutput,
    "wasi:cli/terminal-stderr": cli.terminalStderr,
    "wasi:cli/terminal-stdin": cli.terminalStdin,
    "wasi:cli/terminal-stdout": cli.terminalStdout,
    "wasi:clocks/monotonic-clock": clocks.monotonicClock,
    "wasi:clocks/wall-clock": clocks.wallClock,
    "wasi:filesystem/preopens": files.preopens,
    "wasi:filesystem/types": files.types,
    "wasi:http/outgoing-handler": outgoing(given.hosts),
    "wasi:http/types": http.types,
    "wasi:io/error": io.error,
    "wasi:io/poll": io.poll,
    "wasi:io/streams": io.streams,
    "wasi:random/insecure": random.insecure,
    "wasi:random/insecure-seed": random.insecureSeed,
    "wasi:random/random": random.random,
  };
  return new Proxy(known, { get: (all, name) => all[name] ?? missing(String(name)) });
}
