import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { firstTimestamp, readFetchAnswer } from '../../adapters/kafka-records.js';

interface Batch {
  readonly base: bigint;
  /** Offset within the batch and timestamp of each record. */
  readonly records: readonly (readonly [number, number])[];
  readonly codec?: number;
  readonly appendTime?: number;
  /** Offset of the last record that there ever was. */
  readonly lastDelta?: number;
  /** In a transaction; `end`: the batch is the end of one. */
  readonly transaction?: 'in' | 'end';
}

const zigzag = (value: bigint): Buffer => {
  let raw = value < 0n ? -value * 2n - 1n : value * 2n;
  const bytes: number[] = [];
  do {
    bytes.push(Number(raw & 0x7fn) | (raw > 0x7fn ? 0x80 : 0));
    raw >>= 7n;
  } while (raw > 0n);
  return Buffer.from(bytes);
};

function batch({ base, records, codec = 0, appendTime, lastDelta, transaction }: Batch): Buffer {
  const first = records[0]?.[1] ?? 0;
  const body = Buffer.concat(
    records.map(([delta, time]) => {
      const inner = Buffer.concat([
        Buffer.from([0]),
        zigzag(BigInt(time - first)),
        zigzag(BigInt(delta)),
        zigzag(-1n),
        zigzag(3n),
        Buffer.from('abc'),
        zigzag(0n),
      ]);
      return Buffer.concat([zigzag(BigInt(inner.length)), inner]);
    }),
  );
  const packed = codec === 1 ? gzipSync(body) : codec === 0 ? body : Buffer.from('not ours to read');
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(base, 0);
  head.writeInt32BE(61 - 12 + packed.length, 8);
  head.writeInt8(2, 16);
  const flags = transaction === undefined ? 0 : transaction === 'in' ? 0x10 : 0x30;
  head.writeInt16BE(codec | flags | (appendTime === undefined ? 0 : 8), 21);
  head.writeInt32BE(lastDelta ?? records.at(-1)?.[0] ?? 0, 23);
  head.writeBigInt64BE(BigInt(first), 27);
  head.writeBigInt64BE(BigInt(appendTime ?? Math.max(...records.map(([, time]) => time), 0)), 35);
  head.writeInt32BE(records.length, 57);
  return Buffer.concat([head, packed]);
}

const THREE: Batch = {
  base: 10n,
  records: [
    [0, 1_000],
    [1, 1_500],
    [2, 1_250],
  ],
};

describe('the timestamp of a record', () => {
  for (const codec of [0, 1])
    for (const [offset, time] of [
      [10n, 1_000],
      [11n, 1_500],
      [12n, 1_250],
    ] as const)
      it(`is its own in a batch of codec ${codec}, offset ${offset}`, () => {
        expect(firstTimestamp(batch({ ...THREE, codec }), offset)).toEqual({
          is: 'time',
          time,
          transactional: false,
        });
      });

  it('is that of the first record of its batch when the codec is not ours to read', () => {
    for (const codec of [2, 3, 4])
      expect(firstTimestamp(batch({ ...THREE, codec }), 12n)).toEqual({
        is: 'time',
        time: 1_000,
        transactional: false,
      });
  });

  it('is the time of appending when the broker sets it', () => {
    expect(firstTimestamp(batch({ ...THREE, appendTime: 9_999 }), 11n)).toEqual({
      is: 'time',
      time: 9_999,
      transactional: false,
    });
  });

  it('is that of the next record when compaction took the one that was asked for', () => {
    const gap = batch({
      base: 10n,
      records: [
        [0, 1_000],
        [5, 2_000],
      ],
    });
    expect(firstTimestamp(gap, 13n)).toEqual({ is: 'time', time: 2_000, transactional: false });
  });

  it('lies further on when compaction took the end of the batch', () => {
    const tail = batch({ base: 10n, records: [[0, 1_000]], lastDelta: 9 });
    expect(firstTimestamp(tail, 15n)).toEqual({ is: 'further', from: 20n });
    const next = batch({ base: 20n, records: [[0, 3_000]] });
    expect(firstTimestamp(Buffer.concat([tail, next]), 15n)).toEqual({
      is: 'time',
      time: 3_000,
      transactional: false,
    });
  });

  it('is never that of the end of a transaction, which is no record', () => {
    const inside = batch({ ...THREE, transaction: 'in' });
    const end = batch({ base: 13n, records: [[0, 9_000]], transaction: 'end' });
    expect(firstTimestamp(inside, 10n)).toEqual({ is: 'time', time: 1_000, transactional: true });
    expect(firstTimestamp(Buffer.concat([inside, end]), 13n)).toEqual({ is: 'further', from: 14n });
  });

  it('is found behind whole batches that lie before it', () => {
    const two = Buffer.concat([batch(THREE), batch({ base: 13n, records: [[0, 7_000]] })]);
    expect(firstTimestamp(two, 13n)).toEqual({ is: 'time', time: 7_000, transactional: false });
  });

  it('is not taken from a batch that the broker cut', () => {
    const whole = batch(THREE);
    for (let length = 0; length < whole.length; length++)
      expect(firstTimestamp(whole.subarray(0, length), 10n)).toEqual({ is: 'none' });
  });

  it('is read from message format 1, and refused of format 0, which has none', () => {
    const message = Buffer.alloc(40);
    message.writeBigInt64BE(10n, 0);
    message.writeInt32BE(28, 8);
    message.writeInt8(1, 16);
    message.writeBigInt64BE(4_000n, 18);
    expect(firstTimestamp(message, 10n)).toEqual({ is: 'time', time: 4_000, transactional: false });
    message.writeInt8(0, 16);
    expect(() => firstTimestamp(message, 10n)).toThrow('format 0');
  });

  it('is refused when a length inside the batch lies', () => {
    const broken = batch(THREE);
    broken.fill(0xff, 61);
    expect(() => firstTimestamp(broken, 11n)).toThrow(RangeError);
  });
});

it('refuses an answer to Fetch that is cut anywhere', () => {
  const records = batch(THREE);
  const head = Buffer.alloc(4 + 4 + 8 + 4 + 4 + 2 + 8 + 8 + 4 + 4);
  let at = head.writeInt32BE(1, 4);
  at = head.writeInt16BE(6, at);
  at += head.write('events', at);
  at = head.writeInt32BE(1, at);
  at = head.writeInt32BE(3, at);
  at = head.writeInt16BE(0, at);
  at += 16;
  at = head.writeInt32BE(-1, at);
  head.writeInt32BE(records.length, at);
  const answer = Buffer.concat([head, records]);
  expect(readFetchAnswer(answer)).toMatchObject([{ topic: 'events', partition: 3, errorCode: 0, records }]);
  for (let length = 0; length < answer.length; length++)
    expect(() => readFetchAnswer(answer.subarray(0, length)), `${length} bytes`).toThrow(RangeError);
});
