/**
 * MurmurHash3 x64 128, seed 0, as 32 lower-case hex digits (each half little-endian, as Flink prints operator ids).
 * Written out here because workflow code has no crypto; it makes ids, it protects nothing.
 */
const MASK = 0xffffffffffffffffn;
const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;
const rotl = (x: bigint, r: bigint): bigint => ((x << r) | (x >> (64n - r))) & MASK;
const mul = (a: bigint, b: bigint): bigint => (a * b) & MASK;

function mix(k: bigint): bigint {
  let h = k ^ (k >> 33n);
  h = mul(h, 0xff51afd7ed558ccdn);
  h ^= h >> 33n;
  h = mul(h, 0xc4ceb9fe1a85ec53n);
  return h ^ (h >> 33n);
}

/** Up to eight bytes from `at`, little-endian. */
function word(bytes: Uint8Array, at: number, end: number): bigint {
  let w = 0n;
  for (let i = Math.min(at + 8, end) - 1; i >= at; i--) w = (w << 8n) | BigInt(bytes[i] ?? 0);
  return w;
}

function littleEndianHex(x: bigint): string {
  const hex = x.toString(16).padStart(16, '0');
  return (hex.match(/../g) ?? []).reverse().join('');
}

export function hash128(bytes: Uint8Array): string {
  const n = bytes.length;
  let h1 = 0n;
  let h2 = 0n;
  const whole = n - (n % 16);
  for (let i = 0; i < whole; i += 16) {
    h1 ^= mul(rotl(mul(word(bytes, i, n), C1), 31n), C2);
    h1 = (rotl(h1, 27n) + h2) & MASK;
    h1 = (h1 * 5n + 0x52dce729n) & MASK;
    h2 ^= mul(rotl(mul(word(bytes, i + 8, n), C2), 33n), C1);
    h2 = (rotl(h2, 31n) + h1) & MASK;
    h2 = (h2 * 5n + 0x38495ab5n) & MASK;
  }
  if (n > whole + 8) h2 ^= mul(rotl(mul(word(bytes, whole + 8, n), C2), 33n), C1);
  if (n > whole) h1 ^= mul(rotl(mul(word(bytes, whole, Math.min(n, whole + 8)), C1), 31n), C2);
  h1 ^= BigInt(n);
  h2 ^= BigInt(n);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = mix(h1);
  h2 = mix(h2);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  return littleEndianHex(h1) + littleEndianHex(h2);
}

/** {@link hash128} of a text's UTF-8 bytes. `kafka-source` gives `61252f73469d3ffba207c548d29a0267`. */
export const hashText = (text: string): string => hash128(new TextEncoder().encode(text));
