import { createHash, hash as hashOnce } from 'node:crypto';
import { FormatError, type FormatErrorCode } from './format-error.js';
import { long, type Long } from './long.js';

/**
 * Bytes to read from: all in memory, or a file of which the cursor holds a small window. Reading is synchronous:
 * parsing is a straight line of thousands of tiny reads.
 */
export interface Source {
  /** Length in bytes. */
  readonly size: number;
  /** Fills `into` from byte `at` on; gives the number of bytes, less than asked only at the end. */
  read(into: Uint8Array, at: number): number;
  /** All bytes, when they are in memory anyway. */
  readonly bytes?: Uint8Array;
}

export const bytesSource = (bytes: Uint8Array): Source => ({
  size: bytes.length,
  bytes,
  read(into, at) {
    const part = bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  },
});

export const sourceOf = (from: Uint8Array | Source): Source =>
  from instanceof Uint8Array ? bytesSource(from) : from;

/** Larger than the longest string (64 KiB), small against any file that needs a window. */
const WINDOW = 256 * 1024;
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const SHORT_TEXT = 24;
const MIN_CHUNK = 256;
const MAX_CHUNK = 64 * 1024;

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * The one bounded reader under every format. It never allocates by a length that the input claims before it has
 * checked that the input is that long, never reads past the end, and every failure is a {@link FormatError} with
 * the offset.
 */
export class Cursor {
  private readonly source: Source;
  /** Offset in the file of `buffer[0]`. */
  private base = 0;
  /** Next byte to read, as an index into `buffer`. */
  private at = 0;
  /** End of the valid bytes in `buffer`. */
  private end: number;
  private buffer: Buffer;
  /** A decoded piece of the window: cutting strings out of it is many times faster than decoding each. */
  private text = '';
  private textFrom = 0;
  private textTo = 0;
  private textUsed = 0;
  private chunk = MIN_CHUNK;
  /** Added to every offset in errors: where these bytes lie in the file they were cut out of. */
  private readonly origin: number;

  constructor(from: Uint8Array | Source, origin = 0) {
    const source = sourceOf(from);
    this.source = source;
    this.origin = origin;
    if (source.bytes !== undefined) {
      this.buffer = asBuffer(source.bytes);
      this.end = this.buffer.length;
    } else {
      this.buffer = Buffer.allocUnsafe(Math.min(WINDOW, Math.max(1, source.size)));
      this.end = 0;
    }
  }

  /** Offset of the next byte. */
  get position(): number {
    return this.base + this.at;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.source.size - this.base - this.at;
  }

  /** Makes the next `count` (at most a window) bytes available. */
  private fill(count: number, what: string): void {
    if (count > this.remaining) throw this.truncated(count, what);
    const rest = this.end - this.at;
    this.buffer.copyWithin(0, this.at, this.end);
    this.base += this.at;
    this.at = 0;
    this.end = rest;
    this.textTo = 0;
    while (this.end < count) {
      const read = this.source.read(this.buffer.subarray(this.end), this.base + this.end);
      if (read <= 0) throw this.truncated(count, what);
      this.end += read;
    }
  }

  private need(count: number, what: string): void {
    if (this.end - this.at < count) this.fill(count, what);
  }

  u8(what = 'a byte'): number {
    if (this.at >= this.end) this.fill(1, what);
    return this.buffer[this.at++] as number;
  }

  i8(what = 'a byte'): number {
    return (this.u8(what) << 24) >> 24;
  }

  u16(what = 'a 16-bit number'): number {
    this.need(2, what);
    const b = this.buffer;
    const at = this.at;
    this.at = at + 2;
    return ((b[at] as number) << 8) | (b[at + 1] as number);
  }

  i32(what = 'a 32-bit number'): number {
    if (this.end - this.at < 4) this.fill(4, what);
    const b = this.buffer;
    const at = this.at;
    this.at = at + 4;
    return (
      ((b[at] as number) << 24) |
      ((b[at + 1] as number) << 16) |
      ((b[at + 2] as number) << 8) |
      (b[at + 3] as number)
    );
  }

  i64(what = 'a 64-bit number'): Long {
    if (this.end - this.at < 8) this.fill(8, what);
    const b = this.buffer;
    const at = this.at;
    this.at = at + 8;
    const high =
      ((b[at] as number) << 24) |
      ((b[at + 1] as number) << 16) |
      ((b[at + 2] as number) << 8) |
      (b[at + 3] as number);
    const low =
      (((b[at + 4] as number) << 24) |
        ((b[at + 5] as number) << 16) |
        ((b[at + 6] as number) << 8) |
        (b[at + 7] as number)) >>>
      0;
    if (high > -0x200000 && high < 0x200000) return high * 0x100000000 + low;
    return long((BigInt(high) << 32n) | BigInt(low));
  }

  /** An unconditional bigint, for values that go on as such. */
  bigint(what = 'a 64-bit number'): bigint {
    return BigInt(this.i64(what));
  }

  f32(): number {
    this.need(4, 'a float');
    const value = this.buffer.readFloatBE(this.at);
    this.at += 4;
    return value;
  }

  f64(): number {
    this.need(8, 'a double');
    const value = this.buffer.readDoubleBE(this.at);
    this.at += 8;
    return value;
  }

  /**
   * A count of things of at least `each` bytes: not negative, and not more than can still follow. So a loop over it
   * ends, and an array of that length can be paid for by the input.
   */
  count(what: string, each: number): number {
    const start = this.position;
    const value = this.i32(what);
    if (value < 0) throw this.error('BadLength', `${what}, not negative`, String(value), start);
    if (value * each > this.remaining)
      throw this.error(
        'BadLength',
        `${what} that fits in the ${this.remaining} bytes left`,
        String(value),
        start,
      );
    return value;
  }

  /** Java's modified UTF-8 with a 16-bit length (`DataInput.readUTF`). */
  utf(what = 'a string'): string {
    const length = this.u16(what);
    return length === 0 ? '' : this.modifiedUtf8(length, what);
  }

  /** `length` bytes of modified UTF-8. Overlong forms and raw zero bytes are taken, as Java takes them. */
  modifiedUtf8(length: number, what = 'a string'): string {
    if (length > WINDOW)
      return decodeModifiedUtf8(this.take(length, what), (at, found) => {
        throw this.error('BadText', `${what} in modified UTF-8`, found, this.position - length + at);
      });
    if (this.end - this.at < length) this.fill(length, what);
    const b = this.buffer;
    const from = this.at;
    const to = from + length;
    let bits = 0;
    for (let i = from; i < to; i++) bits |= b[i] as number;
    this.at = to;
    if (bits < 0x80) return this.ascii(from, to);
    return decodeModifiedUtf8(b.subarray(from, to), (at, found) => {
      throw this.error('BadText', `${what} in modified UTF-8`, found, this.base + from + at);
    });
  }

  private ascii(from: number, to: number): string {
    if (from < this.textFrom || to > this.textTo) this.decodeChunk(from, to);
    this.textUsed += to - from;
    return this.text.substring(from - this.textFrom, to - this.textFrom);
  }

  /**
   * Decodes the neighbourhood of a string at once. The pieces grow while most of them is used as strings, and shrink
   * when it is not, so that the strings of a file full of inline state do not hold that state in memory.
   */
  private decodeChunk(from: number, to: number): void {
    const used = this.textUsed * 3 >= this.textTo - this.textFrom && this.textTo > 0;
    this.chunk = used ? Math.min(this.chunk * 2, MAX_CHUNK) : Math.max(this.chunk >> 1, MIN_CHUNK);
    const end = to - from <= SHORT_TEXT && !used ? to : Math.min(this.end, Math.max(to, from + this.chunk));
    this.text = this.buffer.toString('latin1', from, end);
    this.textFrom = from;
    this.textTo = end;
    this.textUsed = 0;
  }

  /** A copy of the next `length` bytes. */
  take(length: number, what = 'bytes'): Buffer {
    if (length > this.remaining) throw this.truncated(length, what);
    // Small pieces share their memory with each other, never with the input.
    const copy = length < 2048 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    let done = 0;
    this.pieces(length, what, (piece) => {
      copy.set(piece, done);
      done += piece.length;
    });
    return copy;
  }

  /** Leaves out the next `length` bytes, which must be there. */
  skip(length: number, what = 'bytes'): void {
    if (length > this.remaining) throw this.truncated(length, what);
    const inWindow = Math.min(length, this.end - this.at);
    this.at += inWindow;
    if (inWindow === length) return;
    this.base += this.at + (length - inWindow);
    this.at = 0;
    this.end = 0;
    this.textTo = 0;
  }

  /** SHA-256 of the next `length` bytes, lower-case hex. */
  sha256(length: number, what = 'bytes'): string {
    if (length === 0) return EMPTY_SHA256;
    if (length <= this.end - this.at) {
      this.at += length;
      return hashOnce('sha256', this.buffer.subarray(this.at - length, this.at), 'hex');
    }
    const hash = createHash('sha256');
    this.pieces(length, what, (piece) => hash.update(piece));
    return hash.digest('hex');
  }

  /** Hands over the next `length` bytes piece by piece; a piece is valid only during the call. */
  pieces(length: number, what: string, use: (piece: Buffer) => void): void {
    if (length > this.remaining) throw this.truncated(length, what);
    let left = length;
    while (left > 0) {
      if (this.at >= this.end) this.fill(Math.min(left, 1), what);
      const piece = Math.min(left, this.end - this.at);
      use(this.buffer.subarray(this.at, this.at + piece));
      this.at += piece;
      left -= piece;
    }
  }

  /** The end must be here. */
  expectEnd(what: string): void {
    if (this.remaining > 0)
      throw this.error('TrailingBytes', `the end of ${what}`, `${this.remaining} more bytes`);
  }

  /** Lets `use` look at the bytes in the window; `end` is the index up to which it has read them. */
  scan<T extends { readonly end: number }>(use: (buffer: Uint8Array, from: number, to: number) => T): T {
    const found = use(this.buffer, this.at, this.end);
    this.at = found.end;
    return found;
  }

  /** Brings more bytes into the window; false when there are no more, or it is full. */
  more(): boolean {
    const there = this.end - this.at;
    if (this.position + there >= this.source.size || there >= this.buffer.length) return false;
    this.fill(there + 1, 'more bytes');
    return true;
  }

  /** An error at the cursor, or at `offset`. */
  error(code: FormatErrorCode, expected: string, found: string, offset = this.position): FormatError {
    return new FormatError({
      code,
      offset: offset + this.origin,
      expected,
      found,
      context: this.context(offset),
    });
  }

  private truncated(count: number, what: string): FormatError {
    return this.error('Truncated', `${what} of ${count} bytes`, `${this.remaining} bytes and then the end`);
  }

  private context(offset: number): string {
    const length = Math.max(0, Math.min(16, this.source.size - offset));
    const bytes = new Uint8Array(length);
    const read = offset < 0 || length === 0 ? 0 : this.source.read(bytes, offset);
    return Buffer.from(bytes.subarray(0, Math.max(0, read))).toString('hex');
  }
}

/** Decodes what is not plain ASCII; `refuse` throws for the place that is malformed. */
export function decodeModifiedUtf8(bytes: Uint8Array, refuse: (at: number, found: string) => never): string {
  const units: number[] = [];
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const a = bytes[at] as number;
    if (a < 0x80) {
      units.push(a);
      at += 1;
    } else if (a >> 5 === 0b110) {
      const b = bytes[at + 1];
      if (b === undefined || (b & 0xc0) !== 0x80) refuse(at, 'a cut two-byte character');
      units.push(((a & 0x1f) << 6) | (b & 0x3f));
      at += 2;
    } else if (a >> 4 === 0b1110) {
      const b = bytes[at + 1];
      const c = bytes[at + 2];
      if (b === undefined || c === undefined || (b & 0xc0) !== 0x80 || (c & 0xc0) !== 0x80)
        refuse(at, 'a cut three-byte character');
      units.push(((a & 0x0f) << 12) | ((b & 0x3f) << 6) | (c & 0x3f));
      at += 3;
    } else {
      refuse(at, `the byte 0x${a.toString(16)}, which begins no character`);
    }
    if (units.length >= 4096) {
      text += String.fromCharCode(...units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode(...units);
}
