import { Cursor } from './cursor.js';

/**
 * The snappy framed stream, as Flink writes compressed operator state and change log files: stream identifier, then
 * chunks with a checksum. https://github.com/google/snappy/blob/main/framing_format.txt
 */

const STREAM_IDENTIFIER = 'sNaPpY';
/** The format allows no larger chunk. */
const MAX_CHUNK = 65_536;

/**
 * Decodes the chunks of `bytes`, from a chunk boundary to the end.
 * @param limit most bytes to give
 * @throws FormatError for a malformed chunk, a wrong checksum, or more than `limit` bytes
 */
export function decodeSnappyFrames(bytes: Uint8Array, limit: number, origin = 0): Uint8Array {
  const cursor = new Cursor(bytes, origin);
  const parts: Uint8Array[] = [];
  let total = 0;
  while (cursor.remaining > 0) {
    const start = cursor.position;
    const type = cursor.u8('the type of a snappy chunk');
    const length = cursor.u8() | (cursor.u8() << 8) | (cursor.u8() << 16);
    if (length > cursor.remaining)
      throw cursor.error(
        'Truncated',
        `a snappy chunk of ${length} bytes`,
        `${cursor.remaining} bytes`,
        start,
      );
    const body = cursor.take(length, 'a snappy chunk');
    if (type === 0xff) {
      if (body.toString('latin1') !== STREAM_IDENTIFIER)
        throw cursor.error(
          'BadMagic',
          `the stream identifier ${STREAM_IDENTIFIER}`,
          body.toString('hex'),
          start,
        );
      continue;
    }
    if (type >= 0x80) continue; // padding and skippable chunks
    if (type > 1) throw cursor.error('UnknownTag', 'a snappy chunk', `type ${type}`, start);
    if (length < 4) throw cursor.error('BadLength', 'a checksum', `${length} bytes`, start);
    const data = type === 0 ? uncompress(body.subarray(4), start + 8 + origin) : body.subarray(4);
    if (data.length > MAX_CHUNK)
      throw cursor.error('BadLength', 'at most 65536 bytes in a chunk', String(data.length), start);
    if (maskedCrc32c(data) !== body.readUInt32LE(0))
      throw cursor.error(
        'Mismatch',
        'the checksum of a snappy chunk',
        body.subarray(0, 4).toString('hex'),
        start,
      );
    total += data.length;
    if (total > limit) throw cursor.error('TooLarge', `at most ${limit} bytes`, 'more', start);
    parts.push(data);
  }
  return Buffer.concat(parts);
}

/** One raw snappy block of at most a chunk. */
function uncompress(bytes: Uint8Array, origin: number): Uint8Array {
  const cursor = new Cursor(bytes, origin);
  const length = varint(cursor);
  if (length > MAX_CHUNK)
    throw cursor.error('BadLength', 'at most 65536 bytes in a chunk', String(length), 0);
  const out = Buffer.alloc(length);
  let at = 0;
  while (cursor.remaining > 0) {
    const tag = cursor.u8('a snappy element');
    if ((tag & 3) === 0) {
      let size = (tag >> 2) + 1;
      if (size > 60) size = littleEndian(cursor, size - 60) + 1;
      if (size > length - at) throw cursor.error('BadLength', 'a literal that fits', String(size));
      out.set(cursor.take(size, 'a snappy literal'), at);
      at += size;
      continue;
    }
    let size: number;
    let offset: number;
    if ((tag & 3) === 1) {
      size = ((tag >> 2) & 7) + 4;
      offset = ((tag >> 5) << 8) | cursor.u8();
    } else {
      size = (tag >> 2) + 1;
      offset = littleEndian(cursor, (tag & 3) === 2 ? 2 : 4);
    }
    if (offset === 0 || offset > at || size > length - at)
      throw cursor.error(
        'BadValue',
        'a copy of earlier bytes',
        `${size} bytes from ${offset} back, at ${at}`,
      );
    for (let i = 0; i < size; i++, at++) out[at] = out[at - offset] as number;
  }
  if (at !== length) throw cursor.error('Mismatch', `${length} uncompressed bytes`, String(at));
  return out;
}

function varint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = cursor.u8('a length');
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw cursor.error('BadLength', 'a length of at most five bytes', 'more');
}

function littleEndian(cursor: Cursor, bytes: number): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) value += cursor.u8() * 2 ** (8 * i);
  return value;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c >>> 0;
});

function maskedCrc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  crc = (crc ^ 0xffffffff) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
