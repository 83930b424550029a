/**
 * An ordinary user's network where pasta(1) is not installed: slirp4netns(1).
 *
 * It stays a child of whoever starts it, and a tap interface in the container is its line: it is
 * ready when it has written to a pipe, and is told of ports over a socket.
 *
 * @module
 */

import { MFD, O, SIG } from "../../ffi/constants.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { Program, type Weave } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import { writeIdentity } from "../birth/identity.ts";
import { resetSignals } from "../birth/process.ts";
import type { NetworkLines } from "../host_files.ts";
import { isAlive } from "../processes.ts";
import { readIdentity } from "../records.ts";
import { parseIp } from "./addresses.ts";
import { readErrors } from "./helper.ts";
import type { Connection } from "./plan.ts";
import { NetworkError } from "./request.ts";
import type { PublishedPort } from "./state.ts";

/** What the container's files say: the addresses are slirp4netns's own choice. */
export function slirpLines(
  resolver: NonNullable<NetworkLines["resolver"]>,
  names: string,
): NetworkLines {
  return {
    hosts: [`10.0.2.100\t${names}`],
    gateway: "10.0.2.2",
    resolver: { ...resolver, nameserver: resolver.nameserver ?? ["10.0.2.3"] },
  };
}

/** Where it writes that it is ready: no descriptor of anybody's. */
const READY = 200;
/** The socket's name in the container's directory: a whole path may be too long for one, unix(7). */
const SOCKET = "slirp.sock";

function identityFile(directory: string): string {
  return `${directory}/slirp`;
}

/** The parent's calls. */
export function runSlirp(
  path: string,
  ports: readonly PublishedPort[],
  directory: string,
  pid: number | "PID",
  weave?: Weave,
): Connection {
  const other = ports.find(({ ip }) => ip !== undefined && parseIp(ip)!.version === 6);
  if (other) {
    throw new NetworkError(
      `-p: ${other.ip}: slirp4netns knows addresses of IPv4 only (on Debian: apt install passt)`,
    );
  }
  const program = new Program(new Arena(1 << 17), weave, 64);
  program.phase("network: the host's side");
  const ends = program.arena.allocate(8, "ready");
  program.call("it writes into this pipe when it is ready").pipe2(ends, O.CLOEXEC);
  const errors = program.call("what it says goes into a file in memory", { name: "errors" })
    .memfd_create("errors", MFD.CLOEXEC);
  const parent = program.label();
  const why = "what leaves the container leaves the host as this program's own connections";
  program.call(why, { name: "slirp", fork: { parent } }).clone3(cloneArgs(0), 88);
  program.call("no signal of a terminal's is meant for it").setsid();
  resetSignals(program, [SIG.PIPE]);
  writeIdentity(program, identityFile(directory));
  program.call("its socket is in here").chdir(directory);
  program.call("its words are not for the terminal").dup3(errors, 1, 0);
  program.call("none of them").dup3(errors, 2, 0);
  program.call("the pipe gets a number that it can be told").dup3(
    ends.at(4, "write end"),
    READY,
    0,
  );
  program.call("nothing else of anybody's goes along").close_range(3, READY - 1, 0);
  program.call("on either side of it").close_range(READY + 1, 0xffffffff, 0);
  const command = [
    ...[path, "--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox"],
    ...["--enable-seccomp", `--api-socket=${SOCKET}`, `--ready-fd=${READY}`, String(pid), "eth0"],
  ];
  program.call("it becomes the program").execve(path, command, ["PATH=/usr/sbin:/usr/bin"]);
  program.place(parent);
  program.call("that is for the program alone").close(ends.at(4, "write end"));
  const answer = program.arena.allocate(8, "answer");
  program.call("wait until it is ready, or has failed").read(ends.at(0, "read end"), answer, 1);
  program.call("no more of that").close(ends.at(0, "read end"));
  const check = async () => {
    const said = readErrors(errors);
    if (answer.bytes[0] === 0) throw new Error(`${command.join(" ")}: ${said}`);
    for (const port of ports) await forward(directory, port);
  };
  return { program, check, [Symbol.dispose]: () => {} };
}

/** Asks it to lead a port of the host's into the container. */
async function forward(
  directory: string,
  { ip = "0.0.0.0", host, container, protocol }: PublishedPort,
): Promise<void> {
  const fd = libc.open(directory, O.PATH | O.CLOEXEC, 0);
  try {
    const path = `/proc/self/fd/${fd}/${SOCKET}`;
    using connection = await Deno.connect({ transport: "unix", path });
    const request = {
      execute: "add_hostfwd",
      arguments: { proto: protocol, host_addr: ip, host_port: host, guest_port: container },
    };
    await connection.write(new TextEncoder().encode(JSON.stringify(request)));
    await connection.closeWrite();
    const answer = await new Response(connection.readable).json();
    if (!answer.error) return;
    throw new Error(`slirp4netns: add_hostfwd ${host}:${container}: ${answer.error.desc}`);
  } finally {
    attempt.close(fd);
  }
}

/** Ends the one that was a container's way out. */
export function endSlirp(directory: string): void {
  const process = readIdentity(identityFile(directory));
  if (!process) return;
  const fd = attempt.pidfd_open(process.pid, 0);
  if (fd < 0) return;
  if (isAlive(process)) attempt.pidfd_send_signal(fd, SIG.TERM, null, 0);
  attempt.close(fd);
}
