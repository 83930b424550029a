/**
 * Credentials for registries, from where `docker login` leaves them: `~/.docker/config.json`, and
 * the credential helpers that it names.
 *
 * The file's format: docs.docker.com/reference/cli/docker/login; the helpers' protocol:
 * github.com/docker/docker-credential-helpers.
 *
 * @module
 */

/** What proves to a registry who asks. */
export type Credentials =
  /** A name and a password, or an access token in the password's place. */
  | { username: string; password: string }
  /** A refresh token, to be changed for access tokens. */
  | { identityToken: string }
  /** An access token, to be sent as it is. */
  | { accessToken: string };

/** The configuration, or a helper that it names, cannot be used; the message says what to do. */
export class CredentialsError extends Error {
  /** The class's name, for messages. */
  override name = "CredentialsError";
}

/** What Docker Hub's credentials are kept under. */
const HUB_KEY = "https://index.docker.io/v1/";

/** What a helper says when it knows nothing of a host; this is not an error. */
const NOT_FOUND = "credentials not found in native keychain";

/** What of the configuration is looked at; it holds more. */
export interface DockerConfig {
  /** Credentials, or empty entries where a helper has them, by host or URL. */
  auths?: Record<string, Record<string, unknown>>;
  /** Helpers by host. */
  credHelpers?: Record<string, unknown>;
  /** The helper for all other hosts. */
  credsStore?: unknown;
}

/** Where the configuration is: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export function dockerConfigPath(): string | undefined {
  const directory = Deno.env.get("DOCKER_CONFIG");
  if (directory) return `${directory}/config.json`;
  const home = Deno.env.get("HOME");
  return home ? `${home}/.docker/config.json` : undefined;
}

/**
 * The credentials for a registry, if there are any: from its own helper, else from the helper for
 * all registries, else from the file itself.
 *
 * @param registry the host with its port, as an image's name has it; `docker.io` for Docker Hub
 * @throws {CredentialsError} if the file is not JSON, or the helper is missing or fails
 */
export async function findCredentials(
  registry: string,
  path: string | undefined = dockerConfigPath(),
): Promise<Credentials | undefined> {
  const config = path === undefined ? undefined : await readDockerConfig(path);
  if (!config) return undefined;
  const key = configKey(registry);
  const helper = helperOf(config, registry);
  const found = helper === undefined ? undefined : await askHelper(helper, key);
  if (found || hasOwnHelper(config, registry)) return found;
  const entry = Object.entries(config.auths ?? {}).find(([name]) => hostOf(name) === hostOf(key));
  return entry && fromEntry(entry[1], path!, entry[0]);
}

/** What a registry's credentials are kept under. */
export function configKey(registry: string): string {
  return registry === "docker.io" ? HUB_KEY : registry;
}

/** The helper that keeps a registry's credentials: its own, or the one for all. */
export function helperOf(config: DockerConfig, registry: string): string | undefined {
  const own = config.credHelpers?.[registry] ?? config.credHelpers?.[configKey(registry)];
  return [own, config.credsStore].find((name) => typeof name === "string" && name !== "") as
    | string
    | undefined;
}

function hasOwnHelper({ credHelpers }: DockerConfig, registry: string): boolean {
  return Boolean(credHelpers?.[registry] ?? credHelpers?.[configKey(registry)]);
}

/**
 * Reads Docker's configuration; nothing where there is none.
 *
 * @throws {CredentialsError} if it is not JSON
 */
export async function readDockerConfig(path: string): Promise<DockerConfig | undefined> {
  try {
    const config = JSON.parse(await Deno.readTextFile(path));
    return typeof config === "object" && config !== null ? config : {};
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    // The parser's own message quotes the text it stumbled over, which can be a password.
    if (error instanceof SyntaxError) {
      throw new CredentialsError(`${path} is not JSON: mend or remove it`);
    }
    throw error;
  }
}

/** The host of an entry: they are written as hosts, or as URLs by older programs: `https://host/v1/`. */
export function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "").toLowerCase();
}

function fromEntry(
  entry: Record<string, unknown>,
  path: string,
  key: string,
): Credentials | undefined {
  const { auth, username, password, identitytoken, registrytoken } = entry ?? {};
  if (typeof registrytoken === "string" && registrytoken) return { accessToken: registrytoken };
  if (typeof identitytoken === "string" && identitytoken) return { identityToken: identitytoken };
  if (typeof auth === "string" && auth !== "") {
    const [, name, secret] = /^([^:]*):([^]*)$/.exec(decodeBase64(auth)) ?? [];
    if (secret !== undefined) return { username: name, password: secret.replace(/\0+$/, "") };
    throw new CredentialsError(
      `${path}: auths[${JSON.stringify(key)}].auth is not base64 of name:password`,
    );
  }
  if (typeof username !== "string" || typeof password !== "string" || username === "") return;
  return { username, password };
}

function decodeBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch {
    return "";
  }
}

/** Asks a helper, which reads the host and prints the credentials as JSON. */
async function askHelper(name: string, key: string): Promise<Credentials | undefined> {
  const printed = await runHelper(name, "get", key);
  if (printed === undefined) return undefined;
  try {
    const { Username, Secret } = JSON.parse(printed);
    if (typeof Username !== "string" || typeof Secret !== "string") {
      throw new TypeError("no secret");
    }
    if (Username === "" && Secret === "") return undefined;
    return Username === "<token>"
      ? { identityToken: Secret }
      : { username: Username, password: Secret };
  } catch {
    throw new CredentialsError(
      `docker-credential-${name} get printed something else than credentials for ${key}`,
    );
  }
}

/**
 * Runs `docker-credential-NAME VERB`.
 *
 * @param key what the credentials are kept under
 * @param input what it reads
 * @returns what it printed; nothing where it knows of no such credentials
 * @throws {CredentialsError} if it is missing or fails
 */
export async function runHelper(
  name: string,
  verb: "get" | "store" | "erase",
  key: string,
  input = key,
): Promise<string | undefined> {
  // The name comes from a file and becomes a program's: a path in it would run any program.
  if (!/^[\w.-]+$/.test(name)) {
    throw new CredentialsError(
      `credential helper ${JSON.stringify(name)}: not the name of a helper`,
    );
  }
  const program = `docker-credential-${name}`;
  const { success, stdout, stderr } = await run(program, verb, input);
  if (success) return stdout;
  const said = (stdout.trim() || stderr.trim()).slice(0, 200);
  if (said.includes(NOT_FOUND)) return undefined;
  throw new CredentialsError(`${program} ${verb} failed for ${key}: ${said || "it said nothing"}`);
}

async function run(program: string, verb: string, input: string) {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [verb],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new CredentialsError(
      `${program}, which the Docker configuration names, is not on the PATH: install it, or log in again`,
    );
  }
  const writer = child.stdin.getWriter();
  // A helper that ends before it has read is judged by its exit status.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { success, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout), stderr: text(stderr) };
}
