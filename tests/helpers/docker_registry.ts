/**
 * Debian's docker-registry on a free port of 127.0.0.1, and skopeo to fill it: a registry and a
 * client that are not ours, to be compared with.
 *
 * @module
 */

/** The programs that a test with this registry needs. */
export const registryPrograms: string[] = ["docker-registry", "skopeo", "tar"];

/** A running registry; `await using` ends it and removes what it kept. */
export interface DockerRegistry extends AsyncDisposable {
  /** Host and port, as an image's name begins with. */
  host: string;
}

/**
 * Starts a registry with a configuration and a storage directory of its own, below `directory`.
 *
 * @throws if it does not answer within ten seconds, with what it printed
 */
export async function startDockerRegistry(directory: string): Promise<DockerRegistry> {
  const port = freePort();
  const host = `127.0.0.1:${port}`;
  await Deno.mkdir(`${directory}/registry`);
  const configuration = {
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: `${directory}/registry` }, delete: { enabled: true } },
    http: { addr: host },
  };
  // YAML takes JSON.
  await Deno.writeTextFile(`${directory}/registry.yml`, JSON.stringify(configuration));
  const child = new Deno.Command("docker-registry", {
    args: ["serve", `${directory}/registry.yml`],
    env: { OTEL_TRACES_EXPORTER: "none" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const printed = new Response(child.stderr).text();
  let over = false;
  const ended = child.status.then(() => over = true);
  const stop = async () => {
    if (!over) child.kill("SIGTERM");
    await ended;
    return await printed;
  };
  for (let tries = 0; !await answers(host); tries++) {
    if (tries >= 200 || over) throw new Error(`docker-registry did not start: ${await stop()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { host, [Symbol.asyncDispose]: async () => void await stop() };
}

/**
 * Writes an OCI layout, by nothing of ours but this function, and pushes it with skopeo.
 *
 * @param directory where the layout may be made
 * @param destination skopeo's name for where it shall go, as `docker://127.0.0.1:5000/box:1`
 * @param layers for each layer its files, as text by path
 * @param format `v2s2` for Docker's manifest instead of OCI's
 */
export async function pushWithSkopeo(
  directory: string,
  destination: string,
  layers: Record<string, string>[],
  format: "oci" | "v2s2" = "oci",
): Promise<void> {
  const layout = await makeLayout(directory, layers);
  await skopeo(
    "copy",
    "--dest-tls-verify=false",
    `--format=${format}`,
    `oci:${layout}:made`,
    destination,
  );
}

/** Runs skopeo and returns what it prints; throws with what it complains of. */
export async function skopeo(command: string, ...args: string[]): Promise<string> {
  return await run("skopeo", ["--insecure-policy", command, ...args]);
}

async function makeLayout(directory: string, layers: Record<string, string>[]): Promise<string> {
  const layout = await Deno.makeTempDir({ dir: directory, prefix: "layout-" });
  await Deno.mkdir(`${layout}/blobs/sha256`, { recursive: true });
  const addBlob = async (bytes: Uint8Array<ArrayBuffer>, mediaType: string) => {
    const hex = await sha256(bytes);
    await Deno.writeFile(`${layout}/blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const type = (name: string) => `application/vnd.oci.image.${name}`;
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const tars = await Promise.all(layers.map((files) => makeTar(directory, files)));
  const packed = await Promise.all(tars.map(gzip));
  const diffIds = await Promise.all(tars.map(async (tar) => `sha256:${await sha256(tar)}`));
  const config = {
    os: "linux",
    architecture: { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch],
    config: { Cmd: ["/bin/sh"], Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: diffIds },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: type("manifest.v1+json"),
    config: await addBlob(json(config), type("config.v1+json")),
    layers: await Promise.all(packed.map((bytes) => addBlob(bytes, type("layer.v1.tar+gzip")))),
  };
  const descriptor = await addBlob(json(manifest), manifest.mediaType);
  const annotations = { "org.opencontainers.image.ref.name": "made" };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor, annotations }] };
  await Deno.writeFile(`${layout}/index.json`, json(index));
  await Deno.writeTextFile(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  return layout;
}

async function makeTar(
  directory: string,
  files: Record<string, string>,
): Promise<Uint8Array<ArrayBuffer>> {
  const tree = await Deno.makeTempDir({ dir: directory, prefix: "layer-" });
  for (const [path, text] of Object.entries(files)) {
    const file = `${tree}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  await run("tar", ["-C", tree, "--format=ustar", "--sort=name", "-cf", `${tree}.tar`, "."]);
  return await Deno.readFile(`${tree}.tar`);
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(packed).bytes();
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  throw new Error(`${program} ${args.join(" ")}: ${text(stderr)}`);
}

/** A port that was free a moment ago: docker-registry cannot be asked which one it chose. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answers(host: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${host}/v2/`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
