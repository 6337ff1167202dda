/**
 * Whatever the bytes are, a reader gives a value or a typed error, quickly and in bounded memory. By default the
 * larger files are sampled, always at the same places; HOLDFAST_EXHAUSTIVE=1 takes every truncation of every file and
 * every bit of all files up to 16 KiB.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCheckpointZnode } from '../../formats/checkpoint-znode.js';
import { readCompletedCheckpoint } from '../../formats/completed-checkpoint.js';
import { FormatError } from '../../formats/format-error.js';
import { referencedFiles } from '../../formats/files.js';
import { readJavaStream } from '../../formats/java-stream.js';
import { kafkaPositions } from '../../formats/kafka-positions.js';
import { readMetadata } from '../../formats/metadata.js';
import { decodeSnappyFrames } from '../../formats/snappy.js';
import {
  POINTER,
  bytes,
  describeFixtures,
  generatedCases,
  inspected,
  metadataFiles,
} from '../support/flink-fixtures.js';
import { consumerSnapshot } from '../support/consumer-snapshot.js';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const exhaustive = process.env['HOLDFAST_EXHAUSTIVE'] === '1';
const SMALL = exhaustive ? 16 * 1024 : 3 * 1024;
/** Places in a larger file that are tried. */
const SAMPLE = 400;

/** The error, when there is one; anything but a FormatError within the input fails the test. */
function refusal(input: Uint8Array, read: (input: Uint8Array) => unknown): FormatError | undefined {
  const start = performance.now();
  try {
    read(input);
    return undefined;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    // Not expect(): this runs a million times.
    if (!(error.offset >= 0 && error.offset <= input.length && error.context.length <= 32))
      throw new Error(`expected an offset within ${input.length} bytes`, { cause: error });
    return error;
  } finally {
    const spent = performance.now() - start;
    if (spent > 1000) throw new Error(`expected an answer within a second, found ${spent} ms`);
  }
}

const metadata = (input: Uint8Array) => referencedFiles(readMetadata(input, POINTER, { hash: true }));

function* places(length: number, all: boolean): Generator<number, undefined> {
  const step = all || length <= SAMPLE ? 1 : length / SAMPLE;
  for (let at = 0; at < length; at += step) yield Math.floor(at);
}

function everyTruncation(input: Uint8Array, read: (input: Uint8Array) => unknown): void {
  for (const length of places(input.length, exhaustive || input.length <= SMALL))
    if (refusal(input.subarray(0, length), read) === undefined)
      throw new Error(`taken, though cut at ${length}`);
}

function everyFlip(input: Uint8Array, read: (input: Uint8Array) => unknown): void {
  const copy = Uint8Array.from(input);
  for (const at of places(input.length, input.length <= SMALL))
    for (let bit = 0; bit < 8; bit++) {
      const before = copy[at] as number;
      copy[at] = before ^ (1 << bit);
      refusal(copy, read);
      copy[at] = before;
    }
}

describeFixtures('damaged metadata', () => {
  test.each(metadataFiles())(
    '%s cut anywhere is refused',
    (name) => everyTruncation(bytes('flink-metadata', name), metadata),
    600_000,
  );
  test.each(metadataFiles())(
    '%s with any bit flipped is a value or a refusal',
    (name) => everyFlip(bytes('flink-metadata', name), metadata),
    600_000,
  );

  const newest = generatedCases().flatMap(({ name, snapshots }) =>
    snapshots.slice(-1).map(({ metadata: file }) => ({ name, metadata: file })),
  );
  test.each(newest)(
    '$name cut anywhere is refused',
    ({ metadata: file }) => everyTruncation(readFileSync(file), metadata),
    600_000,
  );
  test.each(newest)(
    '$name with any bit flipped is a value or a refusal',
    ({ metadata: file }) => everyFlip(readFileSync(file), metadata),
    600_000,
  );

  test('bytes behind the end are counted, and do not change the answer', () => {
    for (const name of metadataFiles()) {
      const file = bytes('flink-metadata', name);
      const { bytes: _b, sha256: _s, ...answer } = inspected(file, POINTER);
      const {
        bytes: _c,
        sha256: _t,
        ...longer
      } = inspected(Buffer.concat([file, file.subarray(0, 37)]), POINTER);
      expect(longer).toStrictEqual({ ...answer, trailingBytes: 37 });
    }
  });
});

describeFixtures('damaged HA data', () => {
  const ha = generatedCases().filter(({ name }) => name.includes('-ha-'));
  const files = (folder: string, root: string, wanted: RegExp): readonly string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => wanted.test(file))
      .map((file) => join(root, folder, file))
      .slice(0, 1);

  test.each(ha)('$name: a znode cut or with any bit flipped is a value or a refusal', ({ root }) => {
    for (const file of files('zk', root, /~\d{19}\.bin$/)) {
      everyTruncation(readFileSync(file), readCheckpointZnode);
      everyFlip(readFileSync(file), readCheckpointZnode);
    }
  });
  test.each(ha)(
    '$name: an HA file cut or with any bit flipped is a value or a refusal',
    ({ root }) => {
      for (const file of files('ha', root, /completedCheckpoint[0-9a-f]+$/)) {
        everyTruncation(readFileSync(file), readCompletedCheckpoint);
        everyFlip(readFileSync(file), readCompletedCheckpoint);
      }
    },
    600_000,
  );
});

describeFixtures('damaged Kafka state', () => {
  const none = () => Promise.reject(new Error('all is inline'));
  const settle = async (
    input: Uint8Array,
    of: (input: Uint8Array) => Parameters<typeof kafkaPositions>[0],
  ) => {
    try {
      await kafkaPositions(of(input), none);
    } catch (error) {
      if (!(error instanceof FormatError) && (error as Error).message !== 'all is inline') throw error;
    }
  };
  test('every bit of a legacy consumer snapshot may be flipped', async () => {
    const file = bytes('kafka-consumer-state', 'kafka-consumer-migration-test-flink1.8-snapshot');
    for (let bit = 0; bit < file.length * 8; bit++) {
      const copy = Buffer.from(file);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      await settle(copy, consumerSnapshot);
    }
  }, 60_000);
  test('every bit of a metadata file with inline Kafka state may be flipped', async () => {
    const found = generatedCases().find(({ name }) => name === '2.0-kafka')?.snapshots[0];
    const file = readFileSync(found?.metadata ?? '');
    for (let bit = 0; bit < file.length * 8; bit += exhaustive ? 1 : 3) {
      const copy = Buffer.from(file);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      await settle(copy, (input) => readMetadata(input, POINTER));
    }
  }, 60_000);
});

// ── Made up ─────────────────────────────────────────────────────────────────────────────────────────────────────

const i32 = (value: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeInt32BE(value | 0);
  return b;
};
const i64 = (value: bigint): Buffer => {
  const b = Buffer.alloc(8);
  b.writeBigInt64BE(BigInt.asIntN(64, value));
  return b;
};
const utf = (text: string | Buffer): Buffer => {
  const b = Buffer.from(text as string);
  return Buffer.concat([Buffer.from([b.length >> 8, b.length & 255]), b]);
};
const u8 = (...values: number[]): Buffer => Buffer.from(values);

const counts = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0x7fffffff, -0x80000000, 0x10000, 1_000_000, 0x40000000) },
);
const longs = fc.oneof(
  fc.bigInt({ min: -2n, max: 1000n }),
  fc.constantFrom(0x7fffffffffffffffn, -0x8000000000000000n, 1n << 53n, -(1n << 53n), (1n << 53n) - 1n),
);
const texts = fc.oneof(
  fc.constantFrom(
    '',
    '/',
    '//',
    '..',
    '../../x',
    'a:b',
    'hdfs://nn:8020/a/../../b',
    'hdfs:///x',
    'file:/etc/passwd',
    '\0',
    'a\\b',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.uint8Array({ maxLength: 20 }).map((b) => Buffer.from(b)),
);
const atoms = fc.oneof(
  { weight: 3, arbitrary: counts.map(i32) },
  { weight: 2, arbitrary: longs.map(i64) },
  { weight: 3, arbitrary: texts.map(utf) },
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 18 }).map((tag) => u8(tag)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 24 }).map((b) => Buffer.from(b)) },
);

/** Handles that are right in form, nested, with odd values in them. */
const handles: fc.Arbitrary<Buffer> = fc.letrec<{ stream: Buffer; keyed: Buffer }>((tie) => ({
  stream: fc.oneof(
    { maxDepth: 4 },
    fc.constant(u8(0)),
    fc.constant(u8(16)),
    fc
      .tuple(texts, fc.uint8Array({ maxLength: 30 }))
      .map(([name, data]) => Buffer.concat([u8(1), utf(name), i32(data.length), data])),
    fc.tuple(longs, texts).map(([size, path]) => Buffer.concat([u8(2), i64(size), utf(path)])),
    fc.tuple(texts, longs).map(([path, size]) => Buffer.concat([u8(6), utf(path), i64(size)])),
    fc
      .tuple(longs, longs, counts, texts)
      .map(([at, size, scope, path]) =>
        Buffer.concat([u8(15), i64(at), i64(size), i32(scope), utf(path), utf('id')]),
      ),
    fc
      .tuple(counts, counts, tie('stream'))
      .map(([first, count, inner]) =>
        Buffer.concat([
          u8(3),
          i32(first),
          i32(count),
          Buffer.alloc(8 * Math.min(Math.max(count, 0), 3)),
          inner,
        ]),
      ),
  ),
  keyed: fc.oneof(
    { maxDepth: 3 },
    fc.constant(u8(0)),
    fc
      .tuple(fc.constantFrom(3, 7, 12), counts, counts, tie('stream'), texts)
      .map(([tag, first, count, inner, id]) =>
        Buffer.concat([
          u8(tag),
          i32(first),
          i32(count),
          Buffer.alloc(8 * Math.min(Math.max(count, 0), 3)),
          inner,
          tag === 12 ? utf(id) : u8(),
        ]),
      ),
    fc
      .tuple(
        fc.constantFrom(5, 11),
        longs,
        texts,
        counts,
        tie('stream'),
        fc.array(fc.tuple(texts, tie('stream')), { maxLength: 6 }),
      )
      .map(([tag, id, backend, count, meta, files]) => {
        const list = Buffer.concat([
          i32(files.length),
          ...files.map(([name, file]) => Buffer.concat([utf(name), file])),
        ]);
        return Buffer.concat([
          u8(tag),
          i64(id),
          utf(backend),
          i32(0),
          i32(count),
          tag === 11 ? i64(9n) : u8(),
          meta,
          list,
          list,
          tag === 11 ? utf('id') : u8(),
        ]);
      }),
    fc
      .tuple(fc.constantFrom(8, 14), tie('keyed'), tie('keyed'), longs)
      .map(([tag, base, delta, id]) =>
        Buffer.concat([
          u8(tag),
          i32(0),
          i32(4),
          i64(7n),
          i32(1),
          base,
          i32(1),
          delta,
          i64(id),
          tag === 14 ? i64(id) : u8(),
          utf('id'),
        ]),
      ),
    fc
      .tuple(longs, counts, fc.uint8Array({ maxLength: 9 }))
      .map(([from, group, data]) =>
        Buffer.concat([
          u8(9),
          i32(0),
          i32(1),
          i64(from),
          i64(from),
          i32(1),
          i32(group),
          i32(data.length),
          data,
          utf('id'),
        ]),
      ),
    fc
      .tuple(fc.constantFrom(10, 13), longs, tie('stream'))
      .map(([tag, size, file]) =>
        Buffer.concat([
          u8(tag),
          i32(0),
          i32(1),
          i32(1),
          i64(size),
          file,
          i64(size),
          i64(size),
          utf('id'),
          tag === 13 ? utf('fs') : u8(),
        ]),
      ),
  ),
})).keyed;

const frame = (format: number, body: Uint8Array): Buffer =>
  Buffer.concat([
    i32(0x4960672d),
    i32(format),
    i64(1n),
    i32(0),
    i32(1),
    ...(format >= 5 ? [utf('name'), utf('uid')] : []),
    Buffer.alloc(16, 7),
    i32(2),
    i32(128),
    body,
  ]);
const oneSubtask = (format: number, keyed: Buffer, tail: Buffer): Buffer =>
  frame(
    format,
    Buffer.concat([
      format === 2 ? i32(1) : u8(0),
      i32(1),
      i32(0),
      format === 2 ? Buffer.concat([i64(-1n), i32(0)]) : u8(),
      i32(0),
      i32(0),
      keyed,
      u8(0),
      format === 2 ? u8() : Buffer.concat([i32(0), i32(0)]),
      format === 7 ? u8(0) : u8(),
      format >= 4 ? u8(0xac, 0xed, 0, 5, 0x70) : u8(),
      tail,
    ]),
  );

describe('made-up input is a value or a refusal', () => {
  const formats = fc.integer({ min: 1, max: 8 });
  test('random pieces behind a right beginning', () => {
    fc.assert(
      fc.property(formats, fc.array(atoms, { maxLength: 60 }), (format, pieces) => {
        refusal(frame(format, Buffer.concat(pieces)), metadata);
        refusal(Buffer.concat([i32(0x4960672d), i32(format), ...pieces]), metadata);
      }),
      { numRuns: exhaustive ? 200_000 : 6000, seed: 1 },
    );
  }, 600_000);

  test('well-formed handles of every kind, nested, with odd values; what is taken can be printed and is taken again', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 7 }), handles, (format, keyed) => {
        const file = oneSubtask(format, keyed, u8());
        if (refusal(file, metadata) !== undefined) return;
        taken++;
        expect(inspected(file, POINTER)).toMatchObject({ formatVersion: format, trailingBytes: 0 });
        expect(inspected(Buffer.concat([file, u8(1, 2, 3)]), POINTER)).toMatchObject({ trailingBytes: 3 });
      }),
      { numRuns: exhaustive ? 100_000 : 6000, seed: 2 },
    );
    expect(taken).toBeGreaterThan(500);
  }, 600_000);

  test('random Java object streams', () => {
    const codes = fc.oneof(
      fc.integer({ min: 0x70, max: 0x7e }).map((code) => u8(code)),
      counts.map(i32),
      fc.integer({ min: 0, max: 9 }).map((n) => i32(0x7e0000 + n)),
      texts.map(utf),
      fc.constant(Buffer.concat([u8(0x72), utf('a.B'), i64(1n), u8(2, 0, 0, 0x78, 0x70)])),
      fc.constant(
        Buffer.concat([
          u8(0x73, 0x72),
          utf('a.B'),
          i64(1n),
          u8(3, 0, 1),
          u8(0x49),
          utf('n'),
          u8(0x78, 0x70),
          i32(5),
          u8(0x78),
        ]),
      ),
    );
    fc.assert(
      fc.property(fc.array(codes, { maxLength: 40 }), (pieces) => {
        refusal(Buffer.concat([u8(0xac, 0xed, 0, 5), ...pieces]), readJavaStream);
      }),
      { numRuns: exhaustive ? 200_000 : 8000, seed: 3 },
    );
  }, 600_000);

  test('random snappy streams', () => {
    const chunk = fc
      .tuple(fc.constantFrom(0, 1, 2, 0x80, 0xfe, 0xff), fc.uint8Array({ maxLength: 40 }))
      .map(([type, body]) => Buffer.concat([u8(type, body.length, 0, 0), body]));
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), (chunks) => {
        refusal(Buffer.concat(chunks), (input) => decodeSnappyFrames(input, 1000));
      }),
      { numRuns: 4000, seed: 4 },
    );
  });
});

describe('a megabyte that asks for much', () => {
  const MIB = 1024 * 1024;
  const fill = (one: Buffer, before: Buffer): Buffer => {
    const count = Math.floor((MIB - before.length - 64) / one.length);
    return Buffer.concat([before, i32(count), ...Array.from({ length: count }, () => one)]);
  };
  const subtaskStart = Buffer.concat([u8(0), i32(1), i32(0), i32(0), i32(0)]);
  const incremental = Buffer.concat([subtaskStart, u8(5), i64(1n), utf('b'), i32(0), i32(1), u8(0)]);
  const after = Buffer.concat([i32(0), u8(0), i32(0), i32(0)]);
  const object = Buffer.concat([u8(0x75, 0x72), utf('[La;'), i64(1n), u8(2, 0, 0, 0x78, 0x70)]);
  const withFlag = Buffer.concat([
    u8(0x73, 0x72),
    utf('a'),
    i64(1n),
    u8(2, 0, 1, 0x5a),
    utf('f'),
    u8(0x78, 0x70, 1),
  ]);
  const again = Buffer.concat([u8(0x73, 0x71), i32(0x7e0003), u8(1)]);
  const arrayOf = (count: number, items: readonly Buffer[]): Buffer =>
    Buffer.concat([u8(0xac, 0xed, 0, 5), object, i32(count), ...items]);

  const inputs: readonly (readonly [string, () => Buffer, (input: Uint8Array) => unknown])[] = [
    ['finished subtasks', () => frameOf(fill(i32(-1), u8(0))), metadata],
    [
      'tiny inline states in a file list',
      () =>
        Buffer.concat([
          frameOf(
            Buffer.concat([fill(Buffer.concat([utf(''), u8(1), utf(''), i32(0)]), incremental), after]),
          ),
        ]),
      metadata,
    ],
    [
      'empty segments in a file list',
      () => frameOf(Buffer.concat([fill(Buffer.concat([utf(''), u8(16)]), incremental), after])),
      metadata,
    ],
    [
      'paths that must be cleaned',
      () =>
        frameOf(
          Buffer.concat([fill(Buffer.concat([utf(''), u8(6), utf('/a/../b'), i64(1n)]), incremental), after]),
        ),
      metadata,
    ],
    [
      'a path of 64 KiB of dots',
      () =>
        frameOf(
          Buffer.concat([
            fill(Buffer.concat([utf(''), u8(6), utf('../'.repeat(20_000)), i64(1n)]), incremental),
            after,
          ]),
        ),
      metadata,
    ],
    [
      'offsets of one state',
      () =>
        frameOf(
          Buffer.concat([
            u8(0),
            i32(1),
            i32(0),
            i32(1),
            u8(4),
            i32(1),
            utf('s'),
            u8(0),
            i32(130_000),
            Buffer.alloc(130_000 * 8),
            u8(16),
            i32(0),
            u8(0, 0),
            i32(0),
            i32(0),
          ]),
        ),
      metadata,
    ],
    [
      'key groups nested to the end',
      () =>
        frameOf(
          Buffer.concat([
            subtaskStart,
            Buffer.concat(Array.from({ length: 110_000 }, () => Buffer.concat([u8(3), i32(0), i32(0)]))),
          ]),
        ),
      metadata,
    ],
    [
      'a count of 2^31 - 1 operators',
      () => Buffer.concat([i32(0x4960672d), i32(6), i64(1n), i32(0), i32(0x7fffffff)]),
      metadata,
    ],
    [
      'two gigabytes of inline state',
      () => frameOf(Buffer.concat([subtaskStart, u8(3), i32(0), i32(0), u8(1), utf(''), i32(0x7fffffff)])),
      metadata,
    ],
    [
      'Java objects with one field',
      () => arrayOf(149_000, [withFlag, ...Array.from({ length: 148_999 }, () => again)]),
      readJavaStream,
    ],
    [
      'Java blocks of one byte',
      () =>
        Buffer.concat([
          u8(0xac, 0xed, 0, 5, 0x73, 0x72),
          utf('a'),
          i64(1n),
          u8(3, 0, 0, 0x78, 0x70),
          Buffer.alloc(3 * 349_000, u8(0x77, 1, 9)),
          u8(0x78),
        ]),
      readJavaStream,
    ],
    [
      'Java blocks between nulls',
      () =>
        Buffer.concat([
          u8(0xac, 0xed, 0, 5, 0x73, 0x72),
          utf('a'),
          i64(1n),
          u8(3, 0, 0, 0x78, 0x70),
          Buffer.alloc(4 * 262_000, u8(0x77, 1, 9, 0x70)),
          u8(0x78),
        ]),
      readJavaStream,
    ],
    [
      'a Java array of 2^31 - 1 bytes',
      () =>
        Buffer.concat([
          u8(0xac, 0xed, 0, 5, 0x75, 0x72),
          utf('[B'),
          i64(1n),
          u8(2, 0, 0, 0x78, 0x70),
          i32(0x7fffffff),
        ]),
      readJavaStream,
    ],
    [
      'Java objects nested to the end',
      () =>
        Buffer.concat([
          u8(0xac, 0xed, 0, 5),
          Buffer.alloc(
            900_000,
            Buffer.concat([
              u8(0x73, 0x72),
              utf('a'),
              i64(1n),
              u8(2, 0, 1, 0x4c),
              utf('f'),
              u8(0x74),
              utf('La;'),
              u8(0x78, 0x70),
            ]),
          ),
        ]),
      readJavaStream,
    ],
    [
      'a Java class below itself',
      () =>
        Buffer.concat([
          u8(0xac, 0xed, 0, 5, 0x73, 0x72),
          utf('a'),
          i64(1n),
          u8(2, 0, 0, 0x78, 0x71),
          i32(0x7e0000),
        ]),
      readJavaStream,
    ],
  ];
  const frameOf = (body: Buffer): Buffer =>
    Buffer.concat([
      i32(0x4960672d),
      i32(3),
      i64(1n),
      i32(0),
      i32(1),
      Buffer.alloc(16, 7),
      i32(400_000),
      i32(400_000),
      body,
    ]);

  test.each(inputs)('%s: under a second and under 64 MiB', (_title, make, read) => {
    const input = make();
    expect(input.length).toBeLessThanOrEqual(MIB + 4096);
    const collect = (globalThis as { gc?: () => void }).gc;
    collect?.();
    const before = process.memoryUsage();
    let kept: unknown;
    refusal(input, (of) => (kept = read(of)));
    const now = process.memoryUsage();
    expect(now.heapUsed + now.external - before.heapUsed - before.external).toBeLessThan(64 * MIB);
    expect(kept === null).toBe(false);
  });
});
