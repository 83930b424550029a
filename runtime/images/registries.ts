/**
 * What a user says about registries: mirrors to ask first, plain HTTP, authorities of one's own.
 *
 * ```json
 * {
 *   "docker.io": { "mirrors": ["https://mirror.example/hub", "http://10.0.0.5:5000"] },
 *   "registry.lan:5000": { "insecure": true },
 *   "registry.example": { "ca": "/etc/ssl/example.pem" }
 * }
 * ```
 *
 * The keys are registries as they stand in an image's name. The file is the one that
 * `TIFFIN_REGISTRIES` names, else `tiffin/registries.json` in the user's own configuration (XDG base
 * directory specification), else in /etc.
 *
 * @module
 */

/** What is said about one registry. */
export interface RegistrySettings {
  /** Where to ask before the registry itself: each a URL that a repository's path is put behind. */
  mirrors: URL[];
  /** It is spoken to by plain HTTP. */
  insecure: boolean;
  /** A file of certificates, PEM, whose owners may vouch for it, beside those that vouch for all. */
  ca?: string;
}

/** The file cannot be used; the message says where and why. */
export class RegistriesError extends Error {
  /** The class's name, for messages. */
  override name = "RegistriesError";
}

/** The files that are looked for; the first that is there counts. */
export function registriesPaths(): string[] {
  const named = Deno.env.get("TIFFIN_REGISTRIES");
  if (named) return [named];
  const home = Deno.env.get("HOME");
  const config = Deno.env.get("XDG_CONFIG_HOME") || (home ? `${home}/.config` : undefined);
  const own = config ? [`${config}/tiffin/registries.json`] : [];
  return [...own, "/etc/tiffin/registries.json"];
}

/**
 * What is said about a registry.
 *
 * @param registry its host with its port, as an image's name has it; `docker.io` for Docker Hub
 * @throws {RegistriesError} if the file is not as it should be
 */
export function registrySettings(registry: string): RegistrySettings {
  const none = { mirrors: [], insecure: false };
  for (const path of registriesPaths()) {
    const text = readIfThere(path);
    if (text !== undefined) return parse(text, path).get(registry) ?? none;
  }
  return none;
}

/**
 * Where a registry answers: `https://host/v2/`.
 *
 * Docker Hub's name is not its host's. Plain HTTP is spoken with this machine's own addresses,
 * where nobody can listen in (as Docker does), and with those of whom the user has said so.
 */
export function endpoint(registry: string): URL {
  if (registry === "docker.io") return new URL("https://registry-1.docker.io/v2/");
  const plain = isLoopback(registry.replace(/:\d+$/, "")) || registrySettings(registry).insecure;
  return new URL(`${plain ? "http" : "https"}://${registry}/v2/`);
}

/** Whether the host, as a URL has it, is this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/.test(host);
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    throw error;
  }
}

function parse(text: string, path: string): Map<string, RegistrySettings> {
  const wrong = (problem: string) => new RegistriesError(`${path}: ${problem}`);
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw wrong(`it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(file)) throw wrong("it is not an object with a registry for each key");
  return new Map(
    Object.entries(file).map(([registry, said]) => {
      const shown = JSON.stringify(registry);
      if (!isObject(said)) throw wrong(`${shown} is not an object`);
      const { mirrors = [], insecure = false, ca, ...rest } = said;
      const [unknown] = Object.keys(rest);
      if (unknown !== undefined) {
        throw wrong(`${shown}.${unknown} is not a setting: there are mirrors, insecure and ca`);
      }
      if (typeof insecure !== "boolean") throw wrong(`${shown}.insecure is not true or false`);
      if (ca !== undefined && typeof ca !== "string") throw wrong(`${shown}.ca is not a path`);
      const urls = Array.isArray(mirrors) ? mirrors.map(mirrorUrl) : [undefined];
      if (!urls.every((url) => url !== undefined)) {
        throw wrong(`${shown}.mirrors is not a list of hosts, or of http:// and https:// URLs`);
      }
      const settings: RegistrySettings = { mirrors: urls, insecure };
      return [registry.toLowerCase(), ca === undefined ? settings : { ...settings, ca }];
    }),
  );
}

/** `host/path` and `https://host/path` are `https://host/v2/path/`. */
function mirrorUrl(text: unknown): URL | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) return undefined;
  // A password belongs where the others are: docker login keeps them.
  if (url.username || url.password) return undefined;
  const path = url.pathname.replace(/\/+$/, "").replace(/^\/v2(?=\/|$)/, "");
  return new URL(`/v2${path}/`, url);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
