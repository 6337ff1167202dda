import { existsSync, readFileSync } from 'node:fs';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyState } from '../../activities/verify-state.js';
import { mappedStorage } from '../../adapters/mapped.js';
import { readCheckpointCounter } from '../../formats/checkpoint-counter.js';
import { readCheckpointZnode } from '../../formats/checkpoint-znode.js';
import { readCompletedCheckpoint } from '../../formats/completed-checkpoint.js';
import { referencedFiles } from '../../formats/files.js';
import { kafkaPositions } from '../../formats/kafka-positions.js';
import { longToJson } from '../../formats/long.js';
import { readMetadata } from '../../formats/metadata.js';
import { propertiesJson, writeStates } from '../../formats/neutral.js';
import type { Snapshot } from '../../formats/snapshot.js';
import {
  POINTER,
  bytes,
  describeFixtures,
  fixtures,
  generatedCases,
  inspected,
  json,
  localPath,
  metadataFiles,
} from '../support/flink-fixtures.js';
import { consumerSnapshot } from '../support/consumer-snapshot.js';

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, of: unknown) => (typeof of === 'bigint' ? longToJson(of) : of)));

const states = (snapshot: Snapshot): unknown => {
  let text = '';
  writeStates(snapshot, (piece) => (text += piece));
  return JSON.parse(`{${text}}`);
};

describeFixtures("Flink's own test files", () => {
  test('there are 53 of them', () => expect(metadataFiles()).toHaveLength(53));

  test.each(metadataFiles())('%s gives the answer of Flink, field by field', (name) => {
    const answer = json('expected', 'fixtures', name.replace('.metadata', '.json'));
    expect(inspected(bytes('flink-metadata', name), POINTER)).toStrictEqual(answer);
  });

  test.each(metadataFiles())('%s reads the same through a window as from memory', (name) => {
    const fd = openSync(join(fixtures, 'flink-metadata', name), 'r');
    try {
      const source = {
        size: fstatSync(fd).size,
        // A storage may hand over less than was asked for.
        read: (into: Uint8Array, at: number) => readSync(fd, into, 0, Math.min(into.length, 97), at),
      };
      expect(states(readMetadata(source, POINTER, { hash: true }))).toStrictEqual(
        states(readMetadata(bytes('flink-metadata', name), POINTER, { hash: true })),
      );
    } finally {
      closeSync(fd);
    }
  });
});

describeFixtures('whole snapshots written by Flink 1.13 to 2.3', () => {
  const cases = generatedCases();
  test('there are 31 of them', () => expect(cases).toHaveLength(31));

  describe.each(cases)('$name', ({ name, root, snapshots }) => {
    test.each(snapshots)('$name gives the answer of Flink, field by field', (snapshot) => {
      const { check: _, ...answer } = json('generated', 'expected', name, `${snapshot.name}.json`) as {
        check: unknown;
      };
      expect(inspected(readFileSync(snapshot.metadata), snapshot.pointer)).toStrictEqual(answer);
    });

    test.each(snapshots)(
      '$name is sound, or names exactly the files that a CLAIM has deleted',
      async (snapshot) => {
        const { check } = json('generated', 'expected', name, `${snapshot.name}.json`) as {
          check: { missing: number };
        };
        const read = readMetadata(readFileSync(snapshot.metadata), snapshot.pointer);
        const gone = referencedFiles(read)
          .map(({ path }) => path)
          .filter((path) => !existsSync(localPath(root, path)));
        const found = await verifyState({
          storage: mappedStorage('hdfs://nn:8020/', root),
          snapshot: read,
          signal: new AbortController().signal,
          depth: 'read',
        });
        expect(gone).toHaveLength(check.missing);
        expect(found.missing).toStrictEqual(gone);
        expect(found.verdict).toBe(gone.length === 0 ? 'sound' : 'broken');
        expect(found.wrongLength).toStrictEqual([]);
      },
    );

    const withKafka = snapshots.filter((snapshot) =>
      existsSync(join(fixtures, 'generated', 'expected', name, `${snapshot.name}.kafka.json`)),
    );
    test.for(withKafka)('$name has the Kafka positions that Flink reads', async (snapshot) => {
      const answer = json('generated', 'expected', name, `${snapshot.name}.kafka.json`);
      const read = readMetadata(readFileSync(snapshot.metadata), snapshot.pointer);
      const { operators } = await kafkaPositions(read, async ({ path, offset, length }) =>
        readFileSync(localPath(root, path)).subarray(offset, length === null ? undefined : offset + length),
      );
      expect(plain({ pointer: snapshot.pointer, checkpointId: read.checkpointId, operators })).toStrictEqual(
        answer,
      );
    });
  });
});

describeFixtures('HA data', () => {
  interface Entry {
    readonly file: string;
    readonly znode: string;
    readonly counter?: number;
    readonly localFile?: string;
    readonly completedCheckpoint?: { readonly externalPointer: string; readonly state: unknown };
  }
  const entries = generatedCases().flatMap(({ name, root }) => {
    const path = join(fixtures, 'generated', 'expected', name, 'ha.json');
    if (!existsSync(path)) return [];
    const { entries: all } = JSON.parse(readFileSync(path, 'utf8')) as { entries: Entry[] };
    return all.map((entry) => ({ name, root, entry, title: `${name} ${entry.znode}` }));
  });

  test('there are znodes of four Flink lines', () =>
    expect(new Set(entries.map(({ name }) => name)).size).toBe(4));

  test.each(entries)(
    '$title: znode, HA file and _metadata agree with Flink and with each other',
    ({ root, entry }) => {
      const znode = readFileSync(join(root, entry.file));
      if (entry.counter !== undefined) {
        expect(readCheckpointCounter(znode)).toBe(entry.counter);
        return;
      }
      const pointer = readCheckpointZnode(znode);
      expect(pointer).toMatchObject({ kind: 'file' });
      if (pointer.kind !== 'file' || entry.localFile === undefined) return;
      const file = readFileSync(join(root, entry.localFile));
      expect(pointer.stateSize).toBe(file.length);
      const found = readCompletedCheckpoint(file, { hash: true });
      expect({
        znode: entry.znode,
        file: entry.file,
        handleClass: pointer.handleClass,
        haFile: pointer.path,
        haFileSize: pointer.stateSize,
        localFile: entry.localFile,
        localFileSize: file.length,
        completedCheckpoint: {
          job: found.job,
          checkpointId: found.checkpointId,
          timestamp: found.timestamp,
          completionTimestamp: found.completionTimestamp,
          externalPointer: found.externalPointer,
          metadataHandle: found.metadata?.class,
          metadataPath: found.metadata?.kind === 'file' ? found.metadata.path : null,
          metadataSize: found.metadata?.kind === 'file' ? found.metadata.size : null,
          properties: JSON.parse(propertiesJson(found.properties)) as unknown,
          state: states(found.snapshot),
        },
      }).toStrictEqual(entry);

      const metadata = localPath(root, `${found.externalPointer ?? ''}/_metadata`);
      if (!existsSync(metadata)) return;
      const read = readMetadata(readFileSync(metadata), found.externalPointer ?? '');
      const summary = (snapshot: Snapshot) =>
        referencedFiles(snapshot).map(({ path, size, segments }) => ({ path, size, segments }));
      expect(summary(found.snapshot)).toStrictEqual(summary(read));
      expect(found.checkpointId).toBe(read.checkpointId);
    },
  );

  test.each(['1.3', '1.20', '2.0'])(
    'a znode of Flink %s has the bytes that every version writes',
    (version) => {
      const znode = bytes('flink-ha', `checkpoint-znode-flink-${version}.bin`);
      expect(readCheckpointZnode(znode)).toStrictEqual({
        kind: 'file',
        path: 'hdfs://nn1:8020/flink/ha/default/completedCheckpoint0a1b2c3d4e5f',
        stateSize: 12345,
        handleClass: 'org.apache.flink.runtime.state.filesystem.FileStateHandle',
      });
    },
  );
});

describeFixtures('snapshots of the legacy Kafka consumer, Flink 1.4 to 1.16', () => {
  const versions = Array.from({ length: 13 }, (_, i) => `1.${i + 4}`);
  const names = versions.flatMap((version) =>
    ['', 'empty-state-'].map((state) => `kafka-consumer-migration-test-flink${version}-${state}snapshot`),
  );
  test.each(names)('%s holds the offsets that Flink reads', async (name) => {
    const answer = json('expected', 'kafka-consumer-state', `${name}.json`) as { offsets: unknown };
    const snapshot = consumerSnapshot(bytes('kafka-consumer-state', name));
    const { operators, positions } = await kafkaPositions(snapshot, () =>
      Promise.reject(new Error('all is inline')),
    );
    const offsets = operators.flatMap(({ subtasks }) =>
      subtasks.flatMap((subtask) => (subtask.kind === 'legacy-consumer' ? subtask.offsets : [])),
    );
    expect(offsets).toStrictEqual(answer.offsets);
    expect(positions.map(({ next }) => next)).toStrictEqual(
      (answer.offsets as { offset: number }[]).map(({ offset }) => String(offset + 1)),
    );
  });
});
