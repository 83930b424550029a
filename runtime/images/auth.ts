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

interface DockerConfig {
  auths?: Record<string, Record<string, unknown>>;
  credHelpers?: Record<string, unknown>;
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
  const config = path === undefined ? undefined : await readConfig(path);
  if (!config) return undefined;
  const key = registry === "docker.io" ? HUB_KEY : registry;
  const own = config.credHelpers?.[registry] ?? config.credHelpers?.[key];
  if (typeof own === "string" && own !== "") return await askHelper(own, key);
  if (typeof config.credsStore === "string" && config.credsStore !== "") {
    const found = await askHelper(config.credsStore, key);
    if (found) return found;
  }
  const entry = Object.entries(config.auths ?? {}).find(([name]) => hostOf(name) === hostOf(key));
  return entry && fromEntry(entry[1], path!, entry[0]);
}

async function readConfig(path: string): Promise<DockerConfig | undefined> {
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

/** Entries are written as hosts, or as URLs by older programs: `https://host/v1/`. */
function hostOf(key: string): string {
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

/** Runs `docker-credential-NAME get`, which reads the host and prints the credentials as JSON. */
async function askHelper(name: string, key: string): Promise<Credentials | undefined> {
  // The name comes from a file and becomes a program's: a path in it would run any program.
  if (!/^[\w.-]+$/.test(name)) {
    throw new CredentialsError(
      `credential helper ${JSON.stringify(name)}: not the name of a helper`,
    );
  }
  const program = `docker-credential-${name}`;
  const { success, stdout, stderr } = await run(program, key);
  if (!success) {
    const said = (stdout.trim() || stderr.trim()).slice(0, 200);
    if (said.includes(NOT_FOUND)) return undefined;
    throw new CredentialsError(`${program} get failed for ${key}: ${said || "it said nothing"}`);
  }
  try {
    const { Username, Secret } = JSON.parse(stdout);
    if (typeof Username !== "string" || typeof Secret !== "string") {
      throw new TypeError("no secret");
    }
    if (Username === "" && Secret === "") return undefined;
    return Username === "<token>"
      ? { identityToken: Secret }
      : { username: Username, password: Secret };
  } catch {
    throw new CredentialsError(`${program} get printed something else than credentials for ${key}`);
  }
}

async function run(program: string, input: string) {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: ["get"],
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
