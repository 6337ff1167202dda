import { createHash } from 'node:crypto';

const dashed = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The UUID that Flink makes of a backend id: `UUID.fromString`, which also takes short and upper-case groups, and
 * for anything else (before FLINK-6964) the name-based UUID, version 3, of its UTF-8 bytes.
 */
export function backendUuid(text: string): string {
  if (CANONICAL.test(text)) return text;
  return parseUuid(text) ?? nameUuid(text);
}

/** Java 17's `UUID.fromString`; undefined where it throws. */
function parseUuid(text: string): string | undefined {
  if (text.length > 36) return undefined;
  const groups = text.split('-');
  if (groups.length !== 5) return undefined;
  const widths = [8, 4, 4, 4, 12];
  let hex = '';
  for (const [i, group] of groups.entries()) {
    // Long.parseLong(…, 16): optional sign, at most 64 bits, any Unicode digit; then cut to the group's width.
    if (!/^\+?[0-9a-fA-F]+$/.test(group)) return undefined;
    const value = BigInt(`0x${group.replace('+', '')}`);
    if (value > 0x7fffffffffffffffn) return undefined;
    const width = widths[i] as number;
    hex += BigInt.asUintN(width * 4, value)
      .toString(16)
      .padStart(width, '0');
  }
  return dashed(hex);
}

function nameUuid(text: string): string {
  // Java's encoder replaces an unpaired surrogate by '?', where UTF-8 in JavaScript has U+FFFD.
  const bytes = createHash('md5')
    .update(text.replace(/\p{Surrogate}/gu, '?'), 'utf8')
    .digest();
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x30;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return dashed(bytes.toString('hex'));
}
