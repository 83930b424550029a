/**
 * `--publish`: ports of the host's that lead into a container.
 *
 * @module
 */

import { parseIp } from "../../runtime/network/addresses.ts";
import type { PortRange, PublishRequest } from "../../runtime/network/request.ts";
import { wrongValue } from "./grammar.ts";

const FORM = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(?:([\d-]*):)?(\d+(?:-\d+)?)(?:\/(\w+))?$/;
const LARGEST = 65535;

/** `--publish` in Docker's short or long form: `published=8080,target=80,protocol=udp`. */
export function parsePublish(text: string): PublishRequest {
  return text.includes("=") ? parseLong(text) : parseShort(text);
}

function parseLong(text: string): PublishRequest {
  const parts = Object.fromEntries(text.split(",").map((part) => part.split("=", 2)));
  const { published, target, protocol = "tcp", mode = "ingress", ...more } = parts;
  if (target === undefined || Object.keys(more).length > 0) {
    throw wrongValue("publish", text, "is not published=8080,target=80,protocol=udp");
  }
  if (mode !== "ingress") throw wrongValue("publish", text, "has a mode that is not ingress");
  return parseShort(`${published === undefined ? "" : `${published}:`}${target}/${protocol}`);
}

/**
 * `[[ADDRESS:]PORT:]PORT[/udp]`, each a port or a range; an IPv6 address stands in brackets. Without
 * a port of the host's, a free one is taken.
 */
function parseShort(text: string): PublishRequest {
  const wrong = (problem: string) => wrongValue("publish", text, problem);
  const match = FORM.exec(text);
  const form = "is not [[ADDRESS:]PORT:]PORT[/udp], as 8080:80 or 127.0.0.1:5353:53/udp";
  if (!match) throw wrong(form);
  const [, bracketed, left, middle, right, protocol = "tcp"] = match;
  // of two parts the first is a port, of three an address
  const ip = bracketed ?? (middle === undefined ? undefined : left);
  const ours = bracketed === undefined ? middle ?? left : middle;
  if (ip) checkAddress(ip, wrong);
  if (protocol !== "tcp" && protocol !== "udp") throw wrong(`has ${protocol} for tcp or udp`);
  const container = rangeOf(right);
  const host = ours ? rangeOf(ours) : undefined;
  if (!container || (ours && !host)) throw wrong(form);
  const [there, here] = [container, host].map((range) => range && range.to - range.from);
  if (here !== undefined && here !== there && there !== 0) {
    throw wrong("has ranges of different lengths");
  }
  return { ...(ip && { ip }), ...(host && { host }), container, protocol };
}

function checkAddress(text: string, wrong: (problem: string) => Error): void {
  const address = parseIp(text);
  if (!address) throw wrong(`has ${text} in the place of an address of this host's`);
  if (address.version === 6 && address.value === 1n) {
    throw wrong("would bring ::1 into a bridge, and the kernel does that for 127.0.0.1 alone");
  }
}

function rangeOf(text: string): PortRange | undefined {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  return from >= 1 && to <= LARGEST && from <= to ? { from, to } : undefined;
}
