/** ZooKeeper's wire format, as far as tests need it: to play a server, and to write into a real one. */

export const OP = {
  create: 1,
  exists: 3,
  getData: 4,
  getChildren2: 12,
  ping: 11,
  check: 13,
  multi: 14,
  auth: 100,
  close: -11,
} as const;

export class JuteWriter {
  private readonly parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    this.parts.push(part);
    return this;
  }
  long(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigInt64BE(value);
    this.parts.push(part);
    return this;
  }
  bool(value: boolean): this {
    this.parts.push(Buffer.from([value ? 1 : 0]));
    return this;
  }
  buffer(value: Uint8Array | null): this {
    this.int(value === null ? -1 : value.length);
    if (value !== null) this.parts.push(Buffer.from(value));
    return this;
  }
  text(value: string): this {
    return this.buffer(Buffer.from(value));
  }
  texts(values: readonly string[]): this {
    this.int(values.length);
    for (const value of values) this.text(value);
    return this;
  }
  /** The bytes behind their length, as they go over the wire. */
  frame(): Buffer {
    const body = Buffer.concat(this.parts);
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  }
}

export class JuteReader {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}

  int(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }
  long(): bigint {
    this.at += 8;
    return this.bytes.readBigInt64BE(this.at - 8);
  }
  bool(): boolean {
    this.at += 1;
    return this.bytes[this.at - 1] === 1;
  }
  buffer(): Buffer {
    const length = this.int();
    if (length < 0) return Buffer.alloc(0);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  text(): string {
    return this.buffer().toString();
  }
}

/** Cuts a stream of bytes into frames. */
export function frames(take: (frame: Buffer) => void): (bytes: Buffer) => void {
  let pending = Buffer.alloc(0);
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const size = pending.readInt32BE(0);
      const frame = pending.subarray(4, 4 + size);
      pending = pending.subarray(4 + size);
      take(frame);
    }
  };
}
