/**
 * A public key, read from a file, and the signatures that it is the key of.
 *
 * The kinds are those that cosign makes and takes: ECDSA on P-256 and P-384 with SHA-256, RSA with
 * PKCS #1 v1.5 and SHA-256, Ed25519.
 *
 * @module
 */

/** The file is not a key that signatures can be checked with. */
export class PublicKeyError extends Error {
  /** The class's name, for messages. */
  override name = "PublicKeyError";
}

/** An RSA key of fewer bits is no proof of anything any more (NIST SP 800-131A). */
const LEAST_RSA_BITS = 2048;

/** A kind of key: how it is imported, how a signature is checked, how long half of one is. */
interface Kind {
  import: RsaHashedImportParams | EcKeyImportParams | { name: "Ed25519" };
  verify: EcdsaParams | { name: string };
  half?: number;
}

const ecdsa = (namedCurve: string, half: number): Kind => ({
  import: { name: "ECDSA", namedCurve },
  verify: { name: "ECDSA", hash: "SHA-256" },
  half,
});

const KINDS: Kind[] = [
  ecdsa("P-256", 32),
  ecdsa("P-384", 48),
  {
    import: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    verify: { name: "RSASSA-PKCS1-v1_5" },
  },
  { import: { name: "Ed25519" }, verify: { name: "Ed25519" } },
];

/** A key that signatures are checked with. */
export class PublicKey {
  private constructor(private readonly key: CryptoKey, private readonly kind: Kind) {}

  /**
   * Reads a key.
   *
   * @param pem the text of a file that begins with `-----BEGIN PUBLIC KEY-----` (RFC 7468, 13)
   * @param path the file's name, for messages
   * @throws {PublicKeyError} if there is none in it, or one of a kind that is not known
   */
  static async read(pem: string, path: string): Promise<PublicKey> {
    const wrong = (problem: string) => new PublicKeyError(`${path}: ${problem}`);
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
      throw wrong("it is a private key: signatures are checked with the public one, cosign.pub");
    }
    const [, base64] = /-----BEGIN PUBLIC KEY-----([^-]*)-----END PUBLIC KEY-----/.exec(pem) ?? [];
    if (base64 === undefined) {
      throw wrong("it is not a public key in PEM: its first line is -----BEGIN PUBLIC KEY-----");
    }
    for (const kind of KINDS) {
      const key = await importKey(base64, kind);
      if (!key) continue;
      const { modulusLength = LEAST_RSA_BITS } = key.algorithm as Partial<RsaKeyAlgorithm>;
      if (modulusLength >= LEAST_RSA_BITS) return new PublicKey(key, kind);
      throw wrong(`it is an RSA key of ${modulusLength} bits: ${LEAST_RSA_BITS} are the least`);
    }
    throw wrong("its kind is not known: it must be ECDSA (P-256, P-384), RSA or Ed25519");
  }

  /** Whether the key's owner has signed the message. ECDSA's signatures are in DER, as cosign's. */
  async verify(signature: Uint8Array, message: Uint8Array): Promise<boolean> {
    const { verify, half } = this.kind;
    const raw = half === undefined ? signature : fromDer(signature, half);
    if (!raw) return false;
    return await crypto.subtle.verify(
      verify,
      this.key,
      raw as BufferSource,
      message as BufferSource,
    );
  }
}

async function importKey(base64: string, kind: Kind): Promise<CryptoKey | undefined> {
  try {
    const der = Uint8Array.fromBase64(base64);
    return await crypto.subtle.importKey("spki", der, kind.import, false, ["verify"]);
  } catch {
    return undefined;
  }
}

/**
 * The two numbers of an ECDSA signature side by side, as Web Crypto wants them, out of
 * `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279, 2.2.3); nothing if it is something else.
 */
function fromDer(der: Uint8Array, half: number): Uint8Array | undefined {
  const SEQUENCE = 0x30;
  const INTEGER = 0x02;
  // Both numbers are short enough for lengths of one byte.
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2 || der[1] > 0x7f) return undefined;
  const raw = new Uint8Array(2 * half);
  let at = 2;
  for (const end of [half, 2 * half]) {
    if (der[at] !== INTEGER || at + 2 + der[at + 1] > der.length) return undefined;
    let number = der.subarray(at + 2, at + 2 + der[at + 1]);
    at += 2 + number.length;
    // A leading zero says that the number is not negative.
    if (number[0] === 0) number = number.subarray(1);
    if (number.length === 0 || number.length > half) return undefined;
    raw.set(number, end - number.length);
  }
  return at === der.length ? raw : undefined;
}
