/**
 * The network of a container that an ordinary user starts: pasta(1), which needs no rights; or
 * slirp4netns(1), where that is what is installed.
 *
 * It reads from an interface in the container what would go out, and makes connections of its own
 * on the host with it. It ends when it is told to, which is when the container ends.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { Program, type Weave } from "../../ffi/program.ts";
import { readHostFile } from "../host_files.ts";
import { later } from "../later.ts";
import { containerDirectory } from "../records.ts";
import type { ContainerNetwork, Seeker } from "./choice.ts";
import { checkRun, runWithText } from "./helper.ts";
import type { Connection } from "./plan.ts";
import { choosePorts, exposedPorts } from "./ports.ts";
import { NetworkError, type NetworkRequest, resolverOf } from "./request.ts";
import type { PublishedPort } from "./state.ts";

const PLACES = ["/usr/bin", "/usr/local/bin", "/bin"];

function find(name: string): string | undefined {
  return PLACES.map((place) => `${place}/${name}`).find((path) => attempt.access(path, X_OK) === 0);
}

const TUN = "/dev/net/tun";
const [R_OK, W_OK, X_OK] = [4, 2, 1];

/** The file in which pasta says which process it is. */
function pidFile(directory: string): string {
  return `${directory}/pasta.pid`;
}

/**
 * Works out an ordinary user's network; nothing is touched.
 *
 * @throws {NetworkError} for what takes a bridge, and where pasta is not installed
 */
export async function userNetwork(
  asked: NetworkRequest,
  seeker: Seeker,
): Promise<ContainerNetwork> {
  const named = asked.networks?.find((use) =>
    use.name !== "bridge" || use.address || use.address6 || use.mac || use.aliases
  );
  if (named) {
    throw new NetworkError(
      `only root can make bridges, which the network ${named.name} and its addresses take: ` +
        "leave --network away, or start it as root",
    );
  }
  if (asked.service !== undefined) {
    throw new NetworkError(
      "only root can make the rules of the packet filter that a service takes",
    );
  }
  const [pasta, slirp] = [find("pasta"), find("slirp4netns")];
  if (pasta === undefined && slirp === undefined) {
    throw new NetworkError(
      "neither pasta nor slirp4netns, an ordinary user's ways out, is installed " +
        "(on Debian: apt install passt)",
    );
  }
  if (attempt.access(TUN, R_OK | W_OK) !== 0) {
    throw new NetworkError(
      `${TUN}, through which a container's packets would come, cannot be opened by this user: ` +
        `sudo modprobe tun; sudo chmod 666 ${TUN}`,
    );
  }
  const { publish = [], publishAll, expose = [] } = asked;
  const more = publishAll ? exposedPorts([...new Set([...seeker.exposed ?? [], ...expose])]) : [];
  const ports = choosePorts([...publish, ...more], { members: [] });
  const directory = containerDirectory(seeker.dataRoot, seeker.id);
  const network: ContainerNetwork = {
    part: {
      setUp: () => {},
      connect: async (pid, weave) =>
        pasta === undefined
          ? (await slirpModule()).runSlirp(slirp!, ports, directory, pid, weave)
          : runPasta(pasta, ports, directory, pid, weave),
    },
    lines: pasta === undefined
      ? (await slirpModule()).slirpLines(resolverOf(asked), seeker.names)
      : { resolver: resolverOf(asked) },
    claim: () => Promise.resolve(network),
  };
  return network;
}

function slirpModule() {
  return later<typeof import("./slirp.ts")>(import.meta, "./slirp.ts");
}

/** The parent's calls: pasta is ready when the process that was started has ended. */
function runPasta(
  pasta: string,
  ports: readonly PublishedPort[],
  directory: string,
  pid: number | "PID",
  weave?: Weave,
): Connection {
  const program = new Program(new Arena(1 << 17), weave, 64);
  program.phase("network: the host's side");
  const command = [
    ...[pasta, "--quiet", "--config-net", "--pid", pidFile(directory)],
    // the host's own loopback is for the host
    ...["--no-map-gw", "--tcp-ns", "none", "--udp-ns", "none"],
    ...["--tcp-ports", portList(ports, "tcp"), "--udp-ports", portList(ports, "udp")],
    String(pid),
  ];
  const why = "what leaves the container leaves the host as this program's own connections";
  const ran = runWithText(program, command, "", why);
  return {
    program,
    check: () => Promise.resolve(checkRun(ran)),
    [Symbol.dispose]: () => {},
  };
}

/** As pasta has it: `8080:80,127.0.0.1/9090:90`. */
function portList(ports: readonly PublishedPort[], protocol: "tcp" | "udp"): string {
  const list = ports.filter((port) => port.protocol === protocol)
    .map(({ ip, host, container }) => `${ip ? `${ip}/` : ""}${host}:${container}`);
  return list.join(",") || "none";
}

/** Ends the program that was a container's way out. */
export async function endUserNetwork(directory: string): Promise<void> {
  (await slirpModule()).endSlirp(directory);
  const pid = Number(readHostFile(pidFile(directory)));
  if (!pid) return;
  const fd = attempt.pidfd_open(pid, 0);
  if (fd < 0) return;
  // the number may have gone to another process, but hardly to another pasta of this container's
  if (readHostFile(`/proc/${pid}/cmdline`)?.includes(pidFile(directory))) {
    attempt.pidfd_send_signal(fd, SIG.TERM, null, 0);
  }
  attempt.close(fd);
}
