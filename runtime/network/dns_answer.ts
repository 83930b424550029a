/**
 * The answer to a question of a container's: from what is known here, or from somebody who knows.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import packet from "dns-packet";
import { askerOf, type Known, lookUp, nameAt, reverseAddress } from "./dns_names.ts";
import { forward } from "./dns_forward.ts";
import type { Network, NetworkState } from "./state.ts";

/** A question as it came. */
export interface Question {
  /** the message */
  message: Uint8Array;
  /** the address that it came from */
  from: string;
  /** the network that it came by */
  network: Network;
  /** how it came: over TCP an answer may be of any length */
  over: "udp" | "tcp";
}

/** Names change without notice: nobody shall remember an address for long. */
const TIME_TO_LIVE = 5;

/** What an answer over UDP can hold where nobody says more, RFC 1035 4.2.1. */
const SHORTEST = 512;

/** Answers that differ in nothing but their order, so that each address is the first in turn. */
let turn = 0;

/**
 * Answers a question.
 *
 * @param servers who is asked what is not known here: the host's name servers
 * @returns a message, or nothing for what is no question, or a stranger's
 */
export async function answer(
  state: NetworkState,
  question: Question,
  servers: readonly string[],
): Promise<Uint8Array | undefined> {
  const query = decode(question.message);
  if (!query) return undefined;
  const asker = askerOf(state, question.network, question.from);
  // the rules let no container say it is another one: this is somebody from outside
  if (!asker) return undefined;
  const [asked] = query.questions;
  const name = asked.name.toLowerCase().replace(/\.$/, "");
  const known = lookUp(state, asker, name);
  if (known) return reply(query, records(asked, known), question.over);
  const address = asked.type === "PTR" ? reverseAddress(name) : undefined;
  const neighbour = address && nameAt(state, asker, address);
  if (neighbour) {
    const record = { type: "PTR", name: asked.name, ttl: TIME_TO_LIVE, data: neighbour } as const;
    return reply(query, [record], question.over);
  }
  if (question.network.internal) return reply(query, [], question.over, RCODE.REFUSED);
  const list = asker.dns ?? servers;
  if (list.length === 0) return reply(query, [], question.over, RCODE.NXDOMAIN);
  return await forward(question.message, list, question.over) ??
    reply(query, [], question.over, RCODE.SERVFAIL);
}

const RCODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

/** A question with one name, as all that resolvers send. */
function decode(message: Uint8Array): packet.Packet | undefined {
  try {
    const query = packet.decode(Buffer.from(message));
    return query.type === "query" && query.questions.length === 1 ? query : undefined;
  } catch {
    return undefined;
  }
}

function records({ type, name }: packet.Question, { v4, v6 }: Known): packet.Answer[] {
  const wanted = type === "A" ? v4 : type === "AAAA" ? v6 : [];
  if (wanted.length === 0) return [];
  const first = turn++ % wanted.length;
  return [...wanted.slice(first), ...wanted.slice(0, first)].map((data) => ({
    type: type as "A" | "AAAA",
    name,
    ttl: TIME_TO_LIVE,
    data,
  }));
}

function reply(
  query: packet.Packet,
  answers: packet.Answer[],
  over: Question["over"],
  code: number = RCODE.NOERROR,
): Uint8Array {
  const { id, questions, additionals } = query;
  // what the resolver can do is said in a pseudo-record, RFC 6891
  const edns = additionals.find(({ type }) => type === "OPT");
  const flags = packet.AUTHORITATIVE_ANSWER | packet.RECURSION_AVAILABLE |
    (query.flags & packet.RECURSION_DESIRED);
  const own: packet.Packet = {
    type: "response",
    id,
    flags: flags | code,
    questions,
    answers,
    authorities: [],
    additionals: edns
      ? [{ type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] }]
      : [],
  };
  const message = packet.encode(own);
  const room = over === "tcp" ? 65535 : Math.max(edns?.udpPayloadSize ?? SHORTEST, SHORTEST);
  if (message.length <= room) return message;
  // too long: the resolver asks again over TCP
  return packet.encode({ ...own, flags: own.flags | packet.TRUNCATED_RESPONSE, answers: [] });
}
