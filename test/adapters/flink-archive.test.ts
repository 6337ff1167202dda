import { describe, expect, it } from 'vitest';

import { archivedRun } from '../../adapters/flink-archive.js';
import type { FileStatus, Storage } from '../../adapters/ports.js';
import { fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { absent, present, type Reading, unknown } from '../../domain/reading.js';
import { capture } from './flink-fake.js';

const RUN = runId('ffffffffffffffffffffffffffff0001');
const ARCHIVE = 'hdfs://prod/flink/archive';
const text = capture(`flink-1.20/archive/${RUN}.json`);
const call = { signal: new AbortController().signal };

function storageWith(content: string, length = Buffer.byteLength(content)): Pick<Storage, 'stat' | 'read'> {
  const path = `${ARCHIVE}/${RUN}`;
  const here = <T>(uri: string, reading: Reading<T>): Promise<Reading<T>> =>
    Promise.resolve(uri === path ? reading : absent);
  const status: FileStatus = { path, kind: 'file', length, modified: 1 };
  return {
    stat: (uri) => here(uri, present(status)),
    read: (uri, range) =>
      here(
        uri,
        present(new Uint8Array(Buffer.from(content).subarray(range.offset, range.offset + range.length))),
      ),
  };
}

describe('the archive of an ended run', () => {
  it('tells how it ended, its checkpoints and its faults, oldest first', async () => {
    const reading = await archivedRun(storageWith(text), `${ARCHIVE}/`, RUN, call);
    if (reading.is !== 'present') throw new Error(`expected present, found ${JSON.stringify(reading)}`);
    const { job, checkpoints, exceptions } = reading.value;
    expect(job).toMatchObject({ run: RUN, name: 'window-count', state: 'CANCELED', endTime: 1795408940249 });
    expect(checkpoints?.counts).toEqual({ completed: 5, failed: 4, restored: 2, inProgress: 0 });
    expect(checkpoints?.latestCompleted?.id).toBe('9');
    expect(exceptions.length).toBeGreaterThan(0);
    expect(exceptions.map(({ time }) => time)).toEqual(
      exceptions.map(({ time }) => time).sort((a, b) => a - b),
    );
  });

  it.each([
    ['was cut', text.slice(0, 20_000)],
    ['is empty', ''],
    ['is of another run', text.replaceAll(RUN, 'ffffffffffffffffffffffffffff0002')],
    ['is something else', '{"archive":"no"}'],
  ])('is unknown when it %s', async (_, content) => {
    expect((await archivedRun(storageWith(content), ARCHIVE, RUN, call)).is).toBe('unknown');
  });

  it('is not read when it is larger than any archive', async () => {
    expect((await archivedRun(storageWith(text, 1e9), ARCHIVE, RUN, call)).is).toBe('unknown');
  });

  it('is as unknown as its storage', async () => {
    const because = fault('StorageStandby', 'no active NameNode');
    const storage = { stat: () => Promise.resolve(unknown(because)), read: () => Promise.resolve(absent) };
    expect(await archivedRun(storage, ARCHIVE, RUN, call)).toEqual({ is: 'unknown', because });
  });
});
